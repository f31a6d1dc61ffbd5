import FoundationEssentials
import KMSModel
import KMSSupport
import KMSTransport

/// The KMS's REST API as kmsctl uses it: one request, JSON in and out, failures as `CommandFailure`.
final class AdminClient {
    enum Identity {
        case user(email: String, id: String?)
        case app
        case nobody
    }

    let target: Target
    private(set) var identity: Identity
    /// Of the app that is logged in.
    private(set) var appID: String?
    private let transport: CurlTransport
    private let timeoutMilliseconds: Int
    private let showsProgress: Bool
    private var authorization: Secret?
    /// Of the token in which a PKCS#11 program sees the objects of this KMS.
    private(set) lazy var tokenLabel = target.tokenLabel()

    init(_ target: Target, options: ConnectionOptions) throws {
        self.target = target
        transport = try target.transport()
        timeoutMilliseconds = options.timeout * 1000
        showsProgress = !options.json
        identity = .nobody
    }

    /// The client of a command: as the app of --api-key-file or FORTANIX_API_KEY, else as the user who logged in.
    static func connect(_ options: ConnectionOptions) throws -> AdminClient {
        let key = try options.apiKeyFile.map { try APIKey.file($0) } ?? APIKey.ofEnvironment()
        if let key { return try connect(options, key: key) }
        let session = try UserSession.load()
        let client = try AdminClient(try Target(options, session: session), options: options)
        guard let session else { throw CommandFailure.notLoggedIn("nobody is logged in") }
        try client.resume(session)
        return client
    }

    /// The client of the app with this API key. It needs no login, but the last login may know where the KMS is.
    static func connect(_ options: ConnectionOptions, key: Secret) throws -> AdminClient {
        let client = try AdminClient(try Target(options, session: UserSession.loadIfUsable()), options: options)
        client.appID = try client.authenticate(basic: key).entityID
        client.identity = .app
        return client
    }

    /// The client of the user who logged in, whatever else is set.
    convenience init(resuming session: UserSession, options: ConnectionOptions) throws {
        try self.init(try Target(options, session: session), options: options)
        try resume(session)
    }

    private func resume(_ session: UserSession) throws {
        guard session.endpoint == target.endpoint.text else {
            // The token is for that KMS; another one must never see it.
            throw CommandFailure.notLoggedIn("the login is for \(session.endpoint), not for \(target.endpoint.text)")
        }
        authorization = session.authorization
        identity = .user(email: session.user, id: session.userID)
    }

    /// Opens a session (reference: Session endpoints).
    ///
    /// - Parameter basic: base64 of `name:secret`; an API key is that already.
    @discardableResult
    func authenticate(basic: Secret) throws -> AuthResponse {
        authorization = Secret("Basic " + basic.text)
        let answer = try send(.post, "/sys/v1/session/auth", doing: "authenticating", as: AuthResponse.self)
        authorization = Secret("Bearer " + answer.accessToken)
        return answer
    }

    /// Ends the session that `connect` opened for an app. Failures do not matter: it ends by itself.
    func close() {
        guard case .app = identity else { return }
        _ = try? perform(.post, "/sys/v1/session/terminate", body: nil, doing: "ending the session")
    }

    func get<Answer: Decodable>(_ path: String, doing: String, as type: Answer.Type) throws -> Answer {
        try send(.get, path, doing: doing, as: type)
    }

    func send<Answer: Decodable>(
        _ method: HTTPRequest.Method, _ path: String, body: (some Encodable)? = String?.none, doing: String,
        as type: Answer.Type
    ) throws -> Answer {
        let response = try perform(method, path, body: body.map { try encode($0) }, doing: doing)
        do {
            return try JSONDecoder().decode(type, from: Data(response.body))
        } catch {
            throw CommandFailure.unintelligible(doing, target)
        }
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, body: (some Encodable)? = String?.none, doing: String
    ) throws {
        _ = try perform(method, path, body: body.map { try encode($0) }, doing: doing)
    }

    /// A body and an answer of the caller's own making; the answer's bytes are JSON, or nothing.
    func sendRaw(_ method: HTTPRequest.Method, _ path: String, body: [UInt8]?, doing: String) throws -> [UInt8] {
        Array(try perform(method, path, body: body, doing: doing).body)
    }

    private func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return Array(try encoder.encode(value))
    }

    private func perform(
        _ method: HTTPRequest.Method, _ path: String, body: [UInt8]?, doing: String
    ) throws -> HTTPResponse {
        let request = HTTPRequest(
            method, path, authorization: authorization, body: body,
            isRepeatable: method == .get || path.hasSuffix("/auth"))
        let response: HTTPResponse
        do {
            response = try Progress.during("\(doing) at \(target.endpoint)", isShown: showsProgress) {
                try transport.perform(request, deadline: Deadline(milliseconds: timeoutMilliseconds))
            }
        } catch let error as TransportError {
            throw target.failure(error)
        }
        guard (200..<300).contains(response.status) else { throw failure(response, to: request, doing: doing) }
        return response
    }

    private func failure(_ response: HTTPResponse, to request: HTTPRequest, doing: String) -> CommandFailure {
        let sentence = Self.sentence(response)
        let message = "\(doing): \(sentence) (HTTP \(response.status))"
        if let redirect = response.redirect {
            return CommandFailure(
                .unreachable, "\(doing): \(target.endpoint) \(response.redirection(to: redirect))",
                remedy: "If the KMS is there, give that address without the path of the request: --endpoint,"
                    + " KMSCTL_ENDPOINT or the configuration. Else look for what stands before the KMS.")
        }
        switch (response.status, identity) {
        case (401, .user): return .notLoggedIn("the login has expired or was ended")
        case (401, _): return CommandFailure(.unauthenticated, message, remedy: "Check the credential.")
        case (403, _) where sentence.contains("requires approval"):
            return CommandFailure(
                .refused, message,
                remedy: "Ask for it: kmsctl approval request \(request.method.rawValue) \(request.path)"
                    + (request.body == nil ? "." : " --body FILE."))
        case (409, _) where sentence.contains("already exists"):
            return CommandFailure(
                .refused, message, remedy: "Choose another name: this one is taken, perhaps by what you may not see.")
        case (403, .app):
            return CommandFailure(
                .refused, message,
                remedy: "This was asked as an app. Give it the permission in the group (kmsctl app update), or the"
                    + " object the operation. To ask as a user, give no API key, and run `kmsctl login`.")
        case (404, .nobody): return CommandFailure(.unreachable, message, remedy: Remedy.notAnAPI(target.endpoint))
        case (404, _): return CommandFailure(.notFound, message)
        case (429, _), (502...504, _): return CommandFailure(.unreachable, message, remedy: "Try again later.")
        case (500..., _):
            return CommandFailure(.unreachable, message, remedy: "The KMS is out of order: see its own log.")
        default: return CommandFailure(.refused, message)
        }
    }

    /// The body of an error is its message, as plain text or as `{"message": …}`.
    private static func sentence(_ response: HTTPResponse) -> String {
        struct Body: Decodable { var message: String }
        let text =
            (try? JSONDecoder().decode(Body.self, from: Data(response.body)))?.message
            ?? String(decoding: response.body.prefix(1000), as: UTF8.self)
        let line = Output.printable(text)
        return line.allSatisfy({ $0 == " " }) ? "the KMS gives no reason" : line
    }
}

extension HTTPResponse {
    /// For a message. The query may be anything, and is nobody's business.
    func redirection(to address: String) -> String {
        let place = Output.printable(String(address.prefix { $0 != "?" }.prefix(200)))
        return "redirects to \(place) (HTTP \(status)), where nothing was sent"
    }
}

extension CommandFailure {
    static func unintelligible(_ doing: String, _ target: Target) -> CommandFailure {
        var failure = CommandFailure(
            .refused, "\(doing): the answer of \(target.endpoint) is not what a KMS says",
            remedy: "Check that the address is that of a KMS.")
        failure.isUnintelligible = true
        return failure
    }

    static func notLoggedIn(_ message: String) -> CommandFailure {
        CommandFailure(
            .unauthenticated, message, remedy: "Run `kmsctl login --user EMAIL`, or give --api-key-file FILE.")
    }
}

import KMSBackend
import KMSSupport
import KMSTransport
import Testing

/// Answers requests from a function and remembers them.
final class ScriptedTransport: HTTPTransport {
    let counters = Counters()
    typealias Script = @Sendable (HTTPRequest, Int) throws(TransportError) -> HTTPResponse

    private let script: Script
    private let log = Locked<[HTTPRequest]>([])

    /// - Parameter script: gets the request and how many of the same path, without query, came before it.
    init(_ script: @escaping Script) { self.script = script }

    func perform(_ request: HTTPRequest, deadline: Deadline) throws(TransportError) -> HTTPResponse {
        let count = log.withLock { log -> Int in
            defer { log.append(request) }
            return log.filter { plain($0.path) == plain(request.path) }.count
        }
        return try script(request, count)
    }

    var requests: [HTTPRequest] { log.withLock { $0 } }

    func count(_ path: String) -> Int { requests.filter { plain($0.path) == path }.count }
}

extension ScriptedTransport {
    /// The JSON of the last request.
    func lastBody() throws -> JSON {
        let body = try #require(requests.last?.body)
        return try JSON(String(decoding: body, as: UTF8.self))
    }

    /// Method and path of every request after the login.
    var trace: [String] { requests.filter { $0.path != path.auth }.map { "\($0.method.rawValue) \($0.path)" } }
}

/// Without the query.
func plain(_ path: String) -> String { String(path.prefix { $0 != "?" }) }

func answer(_ status: Int, _ body: String = "", type: String = "application/json") -> HTTPResponse {
    HTTPResponse(status: status, contentType: type, body: Array(body.utf8))
}

/// Logs in any credential and leaves the rest to `script`.
func kms(_ script: @escaping ScriptedTransport.Script) -> ScriptedTransport {
    ScriptedTransport { (request, count) throws(TransportError) in
        switch request.path {
        case "/sys/v1/session/auth": return login(token: "token-\(count)")
        case "/sys/v1/session/terminate": return answer(204)
        default: return try script(request, count)
        }
    }
}

func login(token: String, expiresIn: Int = 600) -> HTTPResponse {
    answer(
        200,
        """
        {"token_type":"Bearer","expires_in":\(expiresIn),"access_token":"\(token)",
         "entity_id":"11111111-2222-3333-4444-555555555555"}
        """)
}

let path = (
    auth: "/sys/v1/session/auth", terminate: "/sys/v1/session/terminate", keys: "/crypto/v1/keys",
    info: "/crypto/v1/keys/info", sign: "/crypto/v1/sign"
)

/// base64 of "11111111-2222-3333-4444-555555555555:canary-secret".
let apiKey = "MTExMTExMTEtMjIyMi0zMzMzLTQ0NDQtNTU1NTU1NTU1NTU1OmNhbmFyeS1zZWNyZXQ="

var soon: Deadline { Deadline(milliseconds: 5_000) }

func signedIn(_ transport: ScriptedTransport) throws(BackendError) -> FortanixDSM {
    let backend = FortanixDSM(transport: transport)
    try backend.authenticate(Secret(apiKey), deadline: soon)
    return backend
}

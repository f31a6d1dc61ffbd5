import FoundationEssentials
import Hummingbird
import HummingbirdTesting
import KMSModel
import KMSServer
import KMSSupport
import Logging
import NIOCore
import NIOPosix
import Testing

/// A KMS on a data directory of its own, asked without a network.
struct TestKMS {
    static let password = "correct horse battery staple"

    let vault: Vault
    let directory: DataDirectory
    let client: any TestClientProtocol

    /// - Parameter blocking: where keys are made and passwords hashed.
    static func run(
        flush: AuditLog.Flush = .soon, blocking: NIOThreadPool = .singleton,
        _ body: @Sendable @escaping (TestKMS) async throws -> Void
    ) async throws {
        let path = FileManager.default.temporaryDirectory.path + "/kmsd-test-" + newID()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let directory = DataDirectory(path)
        var initialization = Initialization(directory: directory)
        initialization.adminPassword = Secret(password)
        _ = try initialization.run()
        let store = try DataStore.open(directory, masterKey: MasterKeySource())
        let vault = try Vault(store: store, flushAudit: flush, logger: Logger(label: "test"), blocking: blocking)
        vault.status.become(.serving)
        let application = Application(router: Routes.router(for: vault))
        try await application.test(.router) { client in
            try await body(TestKMS(vault: vault, directory: directory, client: client))
        }
        try vault.pool.close()
    }

    struct Answer {
        var status: Int
        var body: ByteBuffer
        var text: String { String(buffer: body) }

        func json<Value: Decodable>(_ type: Value.Type) throws -> Value {
            try JSONDecoder().decode(type, from: Data(body.readableBytesView))
        }
    }

    func ask(_ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, as authorization: String? = nil)
        async throws -> Answer
    {
        var headers: HTTPFields = [:]
        headers[.authorization] = authorization
        let buffer = body.map { ByteBuffer(string: $0) }
        headers[.contentLength] = buffer.map { String($0.readableBytes) }
        return try await client.execute(uri: path, method: method, headers: headers, body: buffer) { response in
            Answer(status: response.status.code, body: response.body)
        }
    }

    /// Authorization of the administrator, with the account selected.
    func administrator() async throws -> String {
        let basic = "Basic " + Data("admin@localhost:\(TestKMS.password)".utf8).base64EncodedString()
        let token = try await ask(.post, "/sys/v1/session/auth", as: basic).json(AuthResponse.self).accessToken
        let bearer = "Bearer \(token)"
        let accounts = try await ask(.get, "/sys/v1/users/accounts", as: bearer).json([String: [String]].self)
        let account = try #require(accounts.keys.first)
        let selected = try await ask(.post, "/sys/v1/session/select_account", #"{"acct_id":"\#(account)"}"#, as: bearer)
        #expect(selected.status == 200)
        return bearer
    }

    struct TestApp {
        var id: String
        var group: String
        /// Basic with the API key.
        var authorization: String
    }

    /// A group with an app in it.
    func app(_ name: String, permissions: [String]? = nil) async throws -> TestApp {
        let admin = try await administrator()
        let group = try await ask(.post, "/sys/v1/groups", #"{"name":"\#(name)"}"#, as: admin).json(Group.self).groupID
        let list = try permissions.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
        let groups = list.map { #"{"\#(group)":\#($0)}"# } ?? #"["\#(group)"]"#
        let app = try await ask(.post, "/sys/v1/apps", #"{"name":"\#(name)","add_groups":\#(groups)}"#, as: admin)
            .json(App.self)
        let credential = try await ask(.get, "/sys/v1/apps/\(app.appID)/credential", as: admin)
            .json(AppCredentialResponse.self)
        let secret = try #require(credential.credential.secret)
        let key = Data("\(app.appID):\(secret)".utf8).base64EncodedString()
        #expect(key.utf8.count == 164)
        return TestApp(id: app.appID, group: group, authorization: "Basic \(key)")
    }
}

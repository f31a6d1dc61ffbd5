import Dispatch
import HTTPTypes
import Hummingbird
import KMSModel
import KMSServer
import Logging
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@Suite("Rights that are withdrawn while a request is under way")
struct RightsInTimeTests {
    // MARK: A body that is long in coming

    @Test("an app that was disabled meanwhile is not served when its body arrives")
    func disabled() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let app = try await kms.app("web")
            _ = try await kms.key(#"{"name":"k","obj_type":"EC","elliptic_curve":"NistP256"}"#, app)
            let body = #"{"key":{"name":"k"},"hash_alg":"SHA256","data":"AAAA"}"#
            let sign = "/crypto/v1/sign"
            let before = try await kms.heldBack(.post, sign, body, as: app.authorization) {}
            #expect(before == 200)
            let status = try await kms.heldBack(.post, sign, body, as: app.authorization) {
                let answer = try await kms.ask(.patch, "/sys/v1/apps/\(app.id)", #"{"enabled":false}"#, as: admin)
                #expect(answer.status == 200)
            }
            #expect(status == 401)
        }
    }

    @Test("an approval policy that was set meanwhile stays")
    func policy() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let group = try await kms.app("web").group
            let manager = try await kms.app("manager")
            #expect(
                try await kms.ask(.patch, "/sys/v1/apps/\(manager.id)", #"{"role":"admin"}"#, as: admin).status == 200)
            let path = "/sys/v1/groups/\(group)"
            let remove = #"{"approval_policy":"remove"}"#
            let status = try await kms.heldBack(.patch, path, remove, as: manager.authorization) {
                let set = #"{"approval_policy":{"app":"\#(manager.id)"}}"#
                let answer = try await kms.ask(.patch, path, set, as: admin)
                #expect(answer.status == 200, "\(answer.text)")
            }
            #expect(status == 403)
            let kept = try await kms.ask(.get, path, as: admin).json(Group.self).approvalPolicy
            #expect(kept == .app(manager.id))
        }
    }

    @Test("strangers are refused before a long body, and short ones after it")
    func strangers() async throws {
        try await TestKMS.run { kms in
            let responder = Routes.router(for: kms.vault).buildResponder()
            let (stream, input) = AsyncStream.makeStream(of: ByteBuffer.self)
            let headers: HTTPFields = [.authorization: "Bearer x", .contentLength: "100000"]
            let head = HTTPRequest(
                method: .post, scheme: nil, authority: nil, path: "/crypto/v1/sign", headerFields: headers)
            let request = Request(head: head, body: RequestBody(asyncSequence: stream))
            let context = TestKMS.context()
            let long = try await responder.respond(to: request, context: context)
            #expect(long.status == .unauthorized)
            input.finish()
            let short = try await kms.ask(.post, "/crypto/v1/sign", "{}", as: "Bearer x")
            #expect(short.status == 401)
        }
    }

    // MARK: Work that takes long

    /// A KMS whose keys are made when the gate opens.
    private static func gated(
        _ body: @Sendable @escaping (TestKMS, Gate) async throws -> Void
    ) async throws {
        let gate = Gate()
        try await TestKMS.run(blocking: gate.pool) { kms in try await body(kms, gate) }
        try await gate.pool.shutdownGracefully()
    }

    @Test("what a key is made with is checked again when it is there")
    func slowWork() async throws {
        try await RightsInTimeTests.gated { kms, gate in
            let admin = try await kms.administrator()
            let app = try await kms.app("web")
            let path = "/sys/v1/apps/\(app.id)"
            let aes = #""obj_type":"AES","key_size":128"#
            let source = try await kms.key(
                #"{"name":"source",\#(aes),"key_ops":["ENCRYPT","EXPORT","APPMANAGEABLE"]}"#, app)
            @Sendable func make(_ name: String, _ more: String = "") async throws -> Int {
                try await kms.post("keys", #"{"name":"\#(name)",\#(aes)\#(more)}"#, app).status
            }
            @Sendable func copy(_ name: String) async throws -> Int {
                try await kms.post("keys/copy", #"{"key":{"name":"source"},"name":"\#(name)"}"#, app).status
            }
            @Sendable func patch(_ path: String, _ body: String) async throws {
                let answer = try await kms.ask(.patch, path, body, as: admin)
                #expect(answer.status == 200, "\(answer.text)")
            }
            @Sendable func grant(_ permissions: String) async throws {
                try await patch(path, #"{"mod_groups":{"\#(app.group)":[\#(permissions)]}}"#)
            }
            // A change that takes nothing away costs a second beginning, and no more.
            let made = try await gate.holding(kms, { try await make("a") }) {
                try await patch(path, #"{"description":"d"}"#)
            }
            #expect(made == 201)
            for transient in ["", #","transient":true"#] {
                let refused = try await gate.holding(kms, { try await make("b", transient) }) {
                    try await grant(#""ENCRYPT""#)
                }
                #expect(refused == 403)
                try await grant(#""MANAGE","ENCRYPT","EXPORT""#)
            }
            _ = try await gate.holding(kms, { try await copy("c") }) {
                try await patch("/crypto/v1/keys/\(source.kid ?? "")", #"{"enabled":false}"#)
            }
            try await patch("/crypto/v1/keys/\(source.kid ?? "")", #"{"enabled":true}"#)
            let users = try await kms.ask(.get, "/sys/v1/users", as: admin).json([User].self)
            let policy = #"{"approval_policy":{"user":"\#(users.first?.userID ?? "")"}}"#
            let guarded = try await gate.holding(kms, { try await copy("d") }) {
                try await patch("/sys/v1/groups/\(app.group)", policy)
            }
            #expect(guarded == 403)
            let keys = try await kms.ask(.get, "/crypto/v1/keys", as: admin).json([Sobject].self)
            let names = Set(keys.compactMap(\.name))
            #expect(names.subtracting(["c"]) == ["source", "a"])
            // Copied before the source was disabled it would be enabled.
            #expect(keys.first { $0.name == "c" }?.enabled != true)
        }
    }

    @Test("each item of a batch has the rights of its own moment")
    func batch() async throws {
        try await TestKMS.run { kms in
            let admin = try await kms.administrator()
            let app = try await kms.app("web")
            _ = try await kms.key(#"{"name":"k","obj_type":"RSA","key_size":3072,"key_ops":["SIGN"]}"#, app)
            let item = #"{"key":{"name":"k"},"hash_alg":"SHA256","data":"AAAA"}"#
            let items = "[" + [String](repeating: item, count: 1000).joined(separator: ",") + "]"
            let before = kms.vault.audit.batches.sum
            async let answer = kms.post("keys/batch/sign", items, app)
            while kms.vault.audit.batches.sum < before + 10 { try await Task.sleep(for: .milliseconds(1)) }
            let change = try await kms.ask(.patch, "/sys/v1/apps/\(app.id)", #"{"enabled":false}"#, as: admin)
            #expect(change.status == 200)
            struct Outcome: Decodable { var status: Int }
            let statuses = try await answer.json([Outcome].self).map(\.status)
            #expect(statuses.first == 200 && statuses.last == 401)
        }
    }
}

/// Holds up a KMS's long work.
private final class Gate: Sendable {
    let pool = NIOThreadPool(numberOfThreads: 1)
    private let opened = DispatchSemaphore(value: 0)

    init() { pool.start() }

    /// What is asked of the pool waits until `change` is done.
    func holding<Value: Sendable>(
        _ kms: TestKMS, _ ask: @Sendable @escaping () async throws -> Value, _ change: () async throws -> Void
    ) async throws -> Value {
        pool.submit { [opened] _ in opened.wait() }
        return try await kms.between(ask) {
            defer { opened.signal() }
            try await change()
        }
    }
}

extension TestKMS {
    /// Of a request that comes over no connection. Hummingbird looks for its id among the logger's metadata.
    fileprivate static func context() -> KMSContext {
        var logger = Logger(label: "test")
        logger[metadataKey: "hb.request.id"] = "test"
        return KMSContext(source: .init(channel: NIOAsyncTestingChannel(), logger: logger))
    }

    /// Performs `action` once the request that `ask` makes has been authenticated for the first time.
    fileprivate func between<Value: Sendable>(
        _ ask: @Sendable @escaping () async throws -> Value, _ action: () async throws -> Void
    ) async throws -> Value {
        let before = vault.loginWork.current.hashes
        async let answer = ask()
        while vault.loginWork.current.hashes == before { try await Task.sleep(for: .milliseconds(1)) }
        try await action()
        return try await answer
    }

    /// The status of a request whose body arrives after `action`.
    fileprivate func heldBack(
        _ method: HTTPRequest.Method, _ path: String, _ body: String, as authorization: String,
        _ action: () async throws -> Void
    ) async throws -> Int {
        let responder = Routes.router(for: vault).buildResponder()
        let (stream, input) = AsyncStream.makeStream(of: ByteBuffer.self)
        // So long that a stranger's would not be awaited.
        let bytes = ByteBuffer(string: body + String(repeating: " ", count: 20_000))
        let headers: HTTPFields = [.authorization: authorization, .contentLength: "\(bytes.readableBytes)"]
        let head = HTTPRequest(method: method, scheme: nil, authority: nil, path: path, headerFields: headers)
        let request = Request(head: head, body: RequestBody(asyncSequence: stream))
        let context = TestKMS.context()
        return try await between {
            try await responder.respond(to: request, context: context).status.code
        } _: {
            try await action()
            input.yield(bytes)
            input.finish()
        }
    }
}

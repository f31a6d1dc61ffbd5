import FoundationEssentials
import KMSModel
import KMSServer
import KMSSupport
import OpenSSLCrypto
import Testing

@Suite("Encryption in parts")
struct MultiPartAPITests {
    /// Drives one direction through init, updates and final.
    struct Parts {
        var kms: TestKMS
        var app: TestKMS.TestApp
        var direction: String
        var key = #""key":{"name":"k"}"#

        var field: String { direction == "encrypt" ? "plain" : "cipher" }

        func begin(_ fields: String) async throws -> CipherInitResponse {
            let answer = try await kms.post("\(direction)/init", "{\(key),\(fields)}", app)
            #expect(answer.status == 200, "\(answer.text)")
            return try answer.json(CipherInitResponse.self)
        }

        func update(_ state: Data, _ bytes: some Sequence<UInt8>) async throws -> TestKMS.Answer {
            try await kms.post(
                "\(direction)/update", #"{\#(key),"state":"\#(base64(state))","\#(field)":"\#(base64(bytes))"}"#, app)
        }

        func finish(_ state: Data, _ fields: String = "") async throws -> TestKMS.Answer {
            try await kms.post("\(direction)/final", #"{\#(key),"state":"\#(base64(state))"\#(fields)}"#, app)
        }

        /// All updates, each sent twice, as after a lost answer.
        func run(_ parts: [[UInt8]], _ fields: String, final: String = "") async throws -> (
            output: [UInt8], iv: Data?, tag: Data?
        ) {
            let begun = try await begin(fields)
            var state = begun.state
            var output: [UInt8] = []
            for part in parts {
                _ = try await update(state, part)
                let answer = try await update(state, part)
                #expect(answer.status == 200, "\(answer.text)")
                let updated = try answer.json(CipherUpdateResponse.self)
                output += updated.cipher ?? updated.plain ?? Data()
                state = try #require(updated.state)
            }
            _ = try await finish(state, final)
            let answer = try await finish(state, final)
            #expect(answer.status == 200, "\(answer.text)")
            let last = try answer.json(CipherUpdateResponse.self)
            #expect(last.state == nil)
            output += last.cipher ?? last.plain ?? Data()
            return (output, begun.iv, last.tag)
        }
    }

    @Test(
        "parts of any size make what one request makes",
        arguments: [CipherMode.cbc, .cbcNoPad, .ctr, .gcm], [ObjectType.aes, .des3])
    func parts(mode: CipherMode, type: ObjectType) async throws {
        guard type == .aes || mode == .cbc || mode == .cbcNoPad else { return }
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let context = kms.vault.engine.context
            let secret = try Random.bytes(24, in: context)
            _ = try await kms.key(
                #"{"name":"k","obj_type":"\#(type.rawValue)","value":"\#(base64(secret))"}"#, app, imported: true)
            for sizes in [[], [0], [16], [1, 15], [7, 0, 25], [100, 3, 1, 500, 36]] {
                let parts = try sizes.map { try Random.bytes($0, in: context) }
                let ad = mode == .gcm ? #","ad":"AQID""# : ""
                let fields = #""mode":"\#(mode.rawValue)"\#(ad)"#
                let made = try await Parts(kms: kms, app: app, direction: "encrypt").run(
                    parts, fields, final: mode == .gcm ? #","tag_len":104"# : "")
                let iv = try #require(made.iv)
                let expected = try SymmetricCipher.encrypt(
                    Secret(parts.joined()), type, mode, key: Secret(secret), iv: Array(iv),
                    associatedData: mode == .gcm ? [1, 2, 3] : [], tagLength: 13, in: context)
                #expect(made.output == expected.ciphertext)
                #expect(made.tag.map(Array.init) == (mode == .gcm ? expected.tag : nil))

                var rest = expected.ciphertext[...]
                var pieces: [[UInt8]] = []
                while !rest.isEmpty {
                    let piece = rest.prefix(Int.random(in: 1...60))
                    rest = rest.dropFirst(piece.count)
                    pieces.append(Array(piece))
                }
                let back = try await Parts(kms: kms, app: app, direction: "decrypt").run(
                    pieces, fields + #","iv":"\#(base64(iv))""#,
                    final: mode == .gcm ? #","tag":"\#(base64(expected.tag))""# : "")
                #expect(back.output == Array(parts.joined()))
            }
        }
    }

    @Test("nothing of a GCM decryption leaves before its tag is right")
    func heldBack() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            _ = try await kms.key(#"{"name":"k","obj_type":"AES","key_size":256}"#, app)
            let parts = Parts(kms: kms, app: app, direction: "decrypt")
            let begun = try await parts.begin(#""mode":"GCM","iv":"AAAAAAAAAAAAAAAA""#)
            let updated = try await parts.update(begun.state, [UInt8](repeating: 0, count: 100))
                .json(CipherUpdateResponse.self)
            #expect(updated.plain == Data())
            let state = try #require(updated.state)
            for fields in ["", #","tag":"AAAA""#, #","tag_len":128"#] {
                #expect(try await parts.finish(state, fields).status == 400)
            }
            let wrong = #","tag":"AAAAAAAAAAAAAAAAAAAAAA==""#
            #expect(try await parts.finish(state, wrong).text.hasPrefix("Decryption failed"))
            #expect(try await parts.finish(state, wrong).text.contains("begin again"))
        }
    }

    @Test("a state serves its caller, key, direction and turn only")
    func binding() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            for name in ["k", "other"] {
                _ = try await kms.key(#"{"name":"\#(name)","obj_type":"AES","key_size":256}"#, app)
            }
            var parts = Parts(kms: kms, app: app, direction: "encrypt")
            let state = try await parts.begin(#""mode":"CTR""#).state
            #expect(try await Parts(kms: kms, app: app, direction: "decrypt").update(state, [1]).status == 400)
            parts.key = #""key":{"name":"other"}"#
            #expect(try await parts.update(state, [1]).text.contains("another key"))
            parts.key = #""key":{"name":"k"}"#
            let admin = try await kms.administrator()
            let body = #"{"key":{"name":"k"},"state":"\#(base64(state))","plain":"AAAA"}"#
            #expect(try await kms.ask(.post, "/crypto/v1/encrypt/update", body, as: admin).status == 400)
            var forged = state
            forged[20] ^= 1
            #expect(try await parts.update(forged, [1]).status == 400)

            let first = try await parts.update(state, [1, 2, 3]).json(CipherUpdateResponse.self)
            #expect(try await parts.update(state, [4]).text.contains("has been used"))
            let again = try await parts.update(state, [1, 2, 3]).json(CipherUpdateResponse.self)
            #expect(again.cipher == first.cipher)
            let second = try await parts.update(try #require(first.state), [5]).json(CipherUpdateResponse.self)
            #expect(try await parts.update(state, [1, 2, 3]).status == 409)
            #expect(try await parts.finish(try #require(again.state)).status == 409)
            #expect(try await parts.finish(try #require(second.state), #","tag_len":128"#).status == 400)
            #expect(try await parts.finish(try #require(second.state)).status == 200)
            #expect(try await parts.update(try #require(second.state), [5]).text.contains("begin again"))
        }
    }

    @Test("a transient key encrypts in parts")
    func transient() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let key = try await kms.key(#"{"obj_type":"AES","key_size":256,"transient":true}"#, app)
            let other = try await kms.key(#"{"obj_type":"AES","key_size":256,"transient":true}"#, app)
            var parts = Parts(kms: kms, app: app, direction: "encrypt")
            parts.key = #""key":{"transient_key":"\#(base64(try #require(key.transientKey)))"}"#
            let made = try await parts.run([[1], [2, 3]], #""mode":"CTR""#)
            #expect(made.output.count == 3)
            let state = try await parts.begin(#""mode":"CTR""#).state
            parts.key = #""key":{"transient_key":"\#(base64(try #require(other.transientKey)))"}"#
            #expect(try await parts.update(state, [1]).text.contains("another key"))
        }
    }

    @Test("each part needs the leave to use the key")
    func revoked() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let key = try await kms.key(#"{"name":"k","obj_type":"AES","key_size":256}"#, app)
            let parts = Parts(kms: kms, app: app, direction: "encrypt")
            let state = try await parts.begin(#""mode":"CBC""#).state
            let path = "/crypto/v1/keys/\(key.kid ?? "")"
            #expect(try await kms.ask(.patch, path, #"{"enabled":false}"#, as: app.authorization).status == 200)
            #expect(try await parts.update(state, [1]).status == 403)
            #expect(try await kms.ask(.patch, path, #"{"enabled":true}"#, as: app.authorization).status == 200)
            #expect(try await parts.update(state, [1]).status == 200)
        }
    }

    @Test("input that ends inside a block is 400 at the end")
    func partialBlock() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            _ = try await kms.key(#"{"name":"k","obj_type":"AES","key_size":256}"#, app)
            let parts = Parts(kms: kms, app: app, direction: "encrypt")
            let begun = try await parts.begin(#""mode":"CBCNOPAD""#)
            let state = try #require(
                try await parts.update(begun.state, [1, 2, 3]).json(CipherUpdateResponse.self).state)
            let answer = try await parts.finish(state)
            #expect(answer.status == 400 && answer.text.contains("length"), "\(answer.text)")
        }
    }

    @Test("limits: size of GCM, operations at a time, idle time")
    func limits() async throws {
        let masterKey = try #require(MasterKey(text: Array(String(repeating: "01", count: 32).utf8)))
        let engine = try CryptoEngine(masterKey: masterKey, in: ProcessContext.get())
        let clock = Locked(ContinuousClock.now)
        let multiPart = MultiPart(engine: engine) { clock.withLock { $0 } }
        let key = Secret([UInt8](repeating: 2, count: 16))

        func begin(_ mode: CipherMode, _ owner: String, _ direction: CipherRules.Direction = .encrypt) throws -> [UInt8]
        {
            let iv = Data([UInt8](repeating: 3, count: mode == .gcm ? 12 : 16))
            let parameters = try CipherParameters(
                .aes, mode, CipherFields(alg: nil, mode: nil, iv: iv), makesIV: false, in: engine.context)
            return try multiPart.begin(direction, .aes, mode, kid: "k", key: key, parameters, owner: owner)
        }
        func update(_ state: [UInt8], _ count: Int, _ direction: CipherRules.Direction = .encrypt) throws -> [UInt8] {
            let input = [UInt8](repeating: 4, count: count)
            return try multiPart.update(state, direction, kid: "k", key: key, input, owner: "a").state
        }
        func status(_ body: () throws -> Void) -> Int {
            do {
                try body()
                return 200
            } catch {
                return (error as? KMSError)?.status.code ?? 500
            }
        }

        // A GCM operation takes so much and no byte more, in both directions; CBC has no limit.
        for direction in [CipherRules.Direction.encrypt, .decrypt] {
            let state = try update(try begin(.gcm, "a", direction), MultiPart.gcmLimit, direction)
            #expect(status { _ = try update(state, 1, direction) } == 413)
            #expect(status { _ = try update(state, 0, direction) } == 410)
        }
        #expect(status { _ = try update(try update(try begin(.cbc, "a"), MultiPart.gcmLimit), 1) } == 200)

        // What is held back is limited for each, and given back when operations end.
        let most = MultiPart.ownerHeldLimit / MultiPart.gcmLimit
        for _ in 0..<2 {
            var states: [[UInt8]] = []
            for _ in 0..<most {
                states.append(try update(try begin(.gcm, "a", .decrypt), MultiPart.gcmLimit, .decrypt))
            }
            #expect(status { _ = try update(try begin(.gcm, "a", .decrypt), 1, .decrypt) } == 503)
            // Another's decryptions do not suffer.
            let other = try begin(.gcm, "b", .decrypt)
            #expect(
                status {
                    _ = try multiPart.update(other, .decrypt, kid: "k", key: key, [1], owner: "b")
                } == 200)
            for state in states {
                let fields = CipherFields(alg: nil, mode: nil, tag: Data([UInt8](repeating: 0, count: 16)))
                #expect(
                    status {
                        _ = try multiPart.finish(state, .decrypt, kid: "k", key: key, fields, owner: "a")
                    } == 400)
            }
        }

        // Too many at a time: refused while all are busy, else the one that has been idle longest goes.
        clock.withLock { $0 += MultiPart.idleLimit + .seconds(1) }
        let oldest = try begin(.ctr, "a")
        clock.withLock { $0 += .seconds(1) }
        for _ in 1..<MultiPart.ownerLimit { _ = try begin(.ctr, "a") }
        #expect(status { _ = try begin(.ctr, "a") } == 429)
        #expect(status { _ = try begin(.ctr, "b") } == 200)
        clock.withLock { $0 += MultiPart.busyTime }
        let next = try begin(.ctr, "a")
        #expect(status { _ = try update(oldest, 1) } == 410)
        let used = try update(next, 1)

        clock.withLock { $0 += MultiPart.idleLimit }
        #expect(status { _ = try update(used, 1) } == 200)
        clock.withLock { $0 += MultiPart.idleLimit + .seconds(1) }
        _ = try begin(.ctr, "a")
        #expect(status { _ = try update(used, 1) } == 410)
    }
}

import CPKCS11
import Cryptoki
import Foundation
import KMSBackend
import KMSModel
import KMSSupport
import OpenSSLCrypto
import Testing

@Suite("Token: login, search, signature")
struct TokenTests {
    private let backend: FakeBackend
    private let clock = Clock()

    init() throws {
        backend = FakeBackend(
            [.signRSAPKCS1, .signRSAPSS, .signECDSA], material: LocalKeys(in: try TestContext.get()))
    }

    private func token(apiKey: String? = nil, cacheSeconds: Int = 60) throws -> Token {
        backend.state.withLock {
            $0.keys = [Samples.key("rsa", .rsa), Samples.key("ec", .ec), Samples.key("cert", .certificate)]
            $0.signature = [UInt8](repeating: 5, count: 256)
        }
        var settings = Configuration.Slot()
        settings.apiKey = apiKey.map { .init($0) }
        settings.cacheSeconds = cacheSeconds
        // Its signatures are made up.
        settings.verifiedSignatures = .off
        return Token(
            slotID: 1, settings: settings, endpoint: "https://kms.invalid", backend: backend,
            context: try TestContext.get(), now: clock.now)
    }

    private func login(_ token: Token, _ pin: String?, _ user: CK_USER_TYPE = CKU_USER) throws {
        guard let pin else { return try token.login(user, pin: Input(nil, 0)) }
        try Array(pin.utf8).withUnsafeBytes {
            try token.login(user, pin: Input(raw: $0.baseAddress, CK_ULONG($0.count)))
        }
    }

    private func find(_ token: Token, label: String? = nil, class objectClass: CK_OBJECT_CLASS? = nil) throws
        -> [CK_OBJECT_HANDLE]
    {
        try withTemplate(label: label, class: objectClass) { try token.find($0) }
    }

    private func privateKey(_ token: Token, _ label: String) throws -> CK_OBJECT_HANDLE {
        try #require(try find(token, label: label, class: CKO_PRIVATE_KEY).first)
    }

    @Test("Before login nothing is visible, after it everything")
    func visibility() throws {
        let token = try token()
        #expect(try find(token).isEmpty)
        #expect(backend.state.withLock { $0.listings } == 0)
        try login(token, "right")
        #expect(try find(token).count == 5)
        #expect(try find(token, class: CKO_CERTIFICATE).count == 1)
        try token.logout()
        #expect(try find(token).isEmpty)
        #expect(backend.state.withLock { $0.signOuts } == 1)
    }

    @Test("With the slot's own credential public objects are visible, and an empty PIN logs in")
    func configuredCredential() throws {
        let token = try token(apiKey: "right")
        #expect(try find(token).count == 3)
        try login(token, nil)
        #expect(try find(token).count == 5)
        #expect(backend.state.withLock { $0.authentications } == 1)
    }

    @Test("Wrong PINs and users get the standard's answers")
    func refusedLogins() throws {
        let token = try token()
        #expect(throws: CKError(CKR_PIN_INCORRECT)) { try login(token, "wrong") }
        #expect(throws: CKError(CKR_ARGUMENTS_BAD)) { try login(token, nil) }
        #expect(throws: CKError(CKR_PIN_LEN_RANGE)) { try login(token, String(repeating: "x", count: 9_000)) }
        #expect(throws: CKError(CKR_PIN_INCORRECT)) { try login(token, "file:/nonexistent") }
        #expect(throws: CKError(CKR_USER_TYPE_INVALID)) { try login(token, "right", CKU_SO) }
        let session = Session(slotID: 1, token: token, isReadWrite: false)
        #expect(throws: CKError(CKR_USER_NOT_LOGGED_IN)) {
            try session.login(CKU_CONTEXT_SPECIFIC, pin: Input(nil, 0))
        }
        #expect(throws: CKError(CKR_USER_NOT_LOGGED_IN)) { try token.logout() }
        try login(token, "right")
        #expect(throws: CKError(CKR_USER_ALREADY_LOGGED_IN)) { try login(token, "right") }
        backend.state.withLock { $0.failure = BackendError(.unavailable, "away") }
        try token.logout()
        #expect(throws: CKError(CKR_DEVICE_ERROR)) { try login(token, "right") }
    }

    @Test("A KMS that makes wait: after wrong PINs they are locked, else it is busy")
    func throttledLogins() throws {
        let token = try token()
        backend.state.withLock { $0.failure = BackendError(.throttled, "429") }
        #expect(throws: CKError(CKR_DEVICE_ERROR)) { try login(token, "right") }
        backend.state.withLock { $0.failure = nil }
        #expect(throws: CKError(CKR_PIN_INCORRECT)) { try login(token, "wrong") }
        backend.state.withLock { $0.failure = BackendError(.throttled, "429") }
        #expect(throws: CKError(CKR_PIN_LOCKED)) { try login(token, "right") }
        backend.state.withLock { $0.failure = nil }
        try login(token, "right")
        try token.logout()
        backend.state.withLock { $0.failure = BackendError(.throttled, "429") }
        #expect(throws: CKError(CKR_DEVICE_ERROR)) { try login(token, "right") }
    }

    @Test("After a reset the same PIN logs in without the KMS, another PIN does not")
    func rememberedPIN() throws {
        let token = try token()
        try login(token, "right")
        token.login.reset()
        backend.state.withLock { $0.failure = BackendError(.unavailable, "away") }
        try login(token, "right")
        #expect(backend.state.withLock { $0.authentications } == 1)
        token.login.reset()
        #expect(throws: CKError(CKR_DEVICE_ERROR)) { try login(token, "other") }
    }

    @Test("A listing is believed for its time, a label asks for its name alone")
    func directory() throws {
        let token = try token()
        try login(token, "right")
        #expect(try find(token, label: "rsa").count == 2)
        #expect(backend.state.withLock { $0.namesListed } == ["rsa"])
        for _ in 0..<3 { _ = try find(token) }
        #expect(backend.state.withLock { $0.listings } == 2)
        clock.advance(seconds: 30)
        #expect(try find(token, label: "rsa").count == 2)
        #expect(backend.state.withLock { $0.listings } == 2)
        #expect(try find(token, label: "later").isEmpty)
        #expect(backend.state.withLock { $0.namesListed } == ["rsa", "later"])
        #expect(try find(token, label: "later").isEmpty)
        #expect(backend.state.withLock { $0.listings } == 3)
        // A host that reads its configuration again searches without a label, and finds a key that is new.
        backend.state.withLock { $0.keys.append(Samples.key("later", .ec)) }
        #expect(try find(token, class: CKO_PRIVATE_KEY).count == 3)
        #expect(backend.state.withLock { $0.listings } == 4)
        #expect(try find(token, label: String(repeating: "x", count: 20_000)).isEmpty)
        #expect(backend.state.withLock { $0.listings } == 4)
    }

    @Test("When the KMS refuses the key that it knew, the file that the PIN names is read again")
    func replacedKeyInFile() throws {
        let path = NSTemporaryDirectory() + "kms-pkcs11-pin-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("right\n".utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        let token = try token(cacheSeconds: 0)
        try login(token, "file:" + path)
        #expect(try find(token).count == 5)
        backend.state.withLock {
            $0.acceptedCredential = "another"
            $0.isExpired = true
        }
        #expect(throws: CKError(CKR_USER_NOT_LOGGED_IN)) { try find(token) }
        try Data("another\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect(try find(token).count == 5)
    }

    @Test("Pages are followed to the end")
    func paging() throws {
        let token = try token()
        backend.state.withLock {
            $0.keys = (0..<25).map { Samples.key("key-\($0)", .ec) }
            $0.pageSize = 10
        }
        try login(token, "right")
        #expect(try find(token).count == 50)
        #expect(backend.state.withLock { $0.listings } == 3)
    }

    @Test("While the KMS is away the older listing answers")
    func staleListing() throws {
        let token = try token(cacheSeconds: 0)
        try login(token, "right")
        #expect(try find(token).count == 5)
        backend.state.withLock { $0.failure = BackendError(.timedOut, "away") }
        #expect(try find(token).count == 5)
        backend.state.withLock { $0.failure = BackendError(.forbidden, "no") }
        #expect(throws: CKError(CKR_FUNCTION_FAILED)) { try find(token) }
    }

    @Test("Sign: size query and small buffer keep the operation, the signature ends it")
    func signConventions() throws {
        let token = try token()
        try login(token, "right")
        let session = Session(slotID: 1, token: token, isReadWrite: false)
        var mechanism = CK_MECHANISM(mechanism: CKM_SHA256_RSA_PKCS, pParameter: nil, ulParameterLen: 0)
        try session.signInit(MechanismRequest(&mechanism), key: privateKey(token, "rsa"))
        #expect(throws: CKError(CKR_OPERATION_ACTIVE)) {
            try session.signInit(MechanismRequest(&mechanism), key: try privateKey(token, "rsa"))
        }
        var data: [UInt8] = [1, 2, 3]
        var length: CK_ULONG = 0
        try session.sign(Input(&data, 3), into: Output(nil, &length))
        #expect(length == 256)
        var signature = [UInt8](repeating: 0, count: 256)
        length = 255
        #expect(throws: CKError(CKR_BUFFER_TOO_SMALL)) {
            try session.sign(Input(&data, 3), into: Output(&signature, &length))
        }
        #expect(length == 256)
        try session.sign(Input(&data, 3), into: Output(&signature, &length))
        #expect(signature == [UInt8](repeating: 5, count: 256))
        #expect(throws: CKError(CKR_OPERATION_NOT_INITIALIZED)) {
            try session.sign(Input(&data, 3), into: Output(&signature, &length))
        }
        let asked = try #require(backend.state.withLock { $0.signatures.first })
        #expect(asked.algorithm == .rsaPKCS1(.sha256))
        #expect(asked.input == bytes(hex: "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81"))
    }

    @Test("Several parts make the same digest as one")
    func multiPart() throws {
        let token = try token()
        try login(token, "right")
        let session = Session(slotID: 1, token: token, isReadWrite: false)
        var mechanism = CK_MECHANISM(mechanism: CKM_SHA256_RSA_PKCS, pParameter: nil, ulParameterLen: 0)
        try session.signInit(MechanismRequest(&mechanism), key: privateKey(token, "rsa"))
        var signature = [UInt8](repeating: 0, count: 256)
        var length: CK_ULONG = 256
        for byte in [UInt8(1), 2, 3] {
            var part = [byte]
            try session.signUpdate(Input(&part, 1))
        }
        var data: [UInt8] = [1]
        #expect(throws: CKError(CKR_OPERATION_ACTIVE)) {
            try session.sign(Input(&data, 1), into: Output(&signature, &length))
        }
        try session.signFinal(into: Output(&signature, &length))
        #expect(
            backend.state.withLock { $0.signatures.map(\.input) } == [
                bytes(hex: "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81")
            ])
    }

    @Test("Keys that do not fit are refused by C_SignInit")
    func signInitRefusals() throws {
        let token = try token()
        backend.state.withLock { $0.keys.append(Samples.key("verify-only", .rsa, operations: [.verify])) }
        let session = Session(slotID: 1, token: token, isReadWrite: false)
        var mechanism = CK_MECHANISM(mechanism: CKM_ECDSA, pParameter: nil, ulParameterLen: 0)
        #expect(throws: CKError(CKR_USER_NOT_LOGGED_IN)) { try session.signInit(MechanismRequest(&mechanism), key: 1) }
        try login(token, "right")
        let rsa = try privateKey(token, "rsa")
        #expect(throws: CKError(CKR_KEY_HANDLE_INVALID)) { try session.signInit(MechanismRequest(&mechanism), key: 1) }
        #expect(throws: CKError(CKR_KEY_TYPE_INCONSISTENT)) {
            try session.signInit(MechanismRequest(&mechanism), key: rsa)
        }
        mechanism.mechanism = CKM_AES_GCM
        #expect(throws: CKError(CKR_MECHANISM_INVALID)) { try session.signInit(MechanismRequest(&mechanism), key: rsa) }
        mechanism.mechanism = CKM_RSA_PKCS
        let forbidden = try privateKey(token, "verify-only")
        #expect(throws: CKError(CKR_KEY_FUNCTION_NOT_PERMITTED)) {
            try session.signInit(MechanismRequest(&mechanism), key: forbidden)
        }
        mechanism.mechanism = CKM_RSA_PKCS_PSS
        #expect(throws: CKError(CKR_MECHANISM_PARAM_INVALID)) {
            try session.signInit(MechanismRequest(&mechanism), key: rsa)
        }
    }

    @Test("A salt that is not the digest's length is refused by C_SignInit, not by C_Sign")
    func saltLength() throws {
        let token = try token()
        try login(token, "right")
        let session = Session(slotID: 1, token: token, isReadWrite: false)
        let rsa = try privateKey(token, "rsa")
        var parameters = CK_RSA_PKCS_PSS_PARAMS(hashAlg: CKM_SHA256, mgf: CKG_MGF1_SHA256, sLen: 20)
        try withUnsafeMutableBytes(of: &parameters) { raw in
            var mechanism = CK_MECHANISM(
                mechanism: CKM_RSA_PKCS_PSS, pParameter: raw.baseAddress, ulParameterLen: CK_ULONG(raw.count))
            #expect(throws: CKError(CKR_MECHANISM_PARAM_INVALID)) {
                try session.signInit(MechanismRequest(&mechanism), key: rsa)
            }
            raw.storeBytes(of: 32, toByteOffset: 16, as: CK_ULONG.self)
            try session.signInit(MechanismRequest(&mechanism), key: rsa)
        }
    }

    @Test("A signature of the wrong length never reaches the host")
    func wrongLength() throws {
        let token = try token()
        try login(token, "right")
        backend.state.withLock { $0.signature = [1, 2, 3] }
        let session = Session(slotID: 1, token: token, isReadWrite: false)
        var mechanism = CK_MECHANISM(mechanism: CKM_SHA1_RSA_PKCS, pParameter: nil, ulParameterLen: 0)
        try session.signInit(MechanismRequest(&mechanism), key: privateKey(token, "rsa"))
        var signature = [UInt8](repeating: 0, count: 256)
        var length: CK_ULONG = 256
        var data: [UInt8] = [1]
        #expect(throws: CKError(CKR_DEVICE_ERROR)) {
            try session.sign(Input(&data, 1), into: Output(&signature, &length))
        }
        #expect(signature.allSatisfy { $0 == 0 })
    }
}

/// A template in the caller's memory.
func withTemplate<Result>(
    label: String?, class objectClass: CK_OBJECT_CLASS?, _ body: (Template) throws -> Result
) throws -> Result {
    var labelBytes = Array((label ?? "").utf8)
    var classValue = objectClass ?? 0
    return try labelBytes.withUnsafeMutableBytes { labelBuffer in
        try withUnsafeMutableBytes(of: &classValue) { classBuffer in
            var attributes: [CK_ATTRIBUTE] = []
            if label != nil {
                attributes.append(
                    CK_ATTRIBUTE(
                        type: CKA_LABEL, pValue: labelBuffer.baseAddress, ulValueLen: CK_ULONG(labelBuffer.count)))
            }
            if objectClass != nil {
                attributes.append(
                    CK_ATTRIBUTE(
                        type: CKA_CLASS, pValue: classBuffer.baseAddress, ulValueLen: CK_ULONG(classBuffer.count)))
            }
            return try body(Template(&attributes, CK_ULONG(attributes.count)))
        }
    }
}

/// A clock that only the test moves.
final class Clock: Sendable {
    private let nanoseconds = Locked<UInt64>(1)

    func advance(seconds: UInt64) { nanoseconds.withLock { $0 += seconds * 1_000_000_000 } }

    var now: @Sendable () -> UInt64 { { [nanoseconds] in nanoseconds.withLock { $0 } } }
}

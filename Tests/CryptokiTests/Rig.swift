import CPKCS11
import Cryptoki
import KMSBackend
import KMSModel
import KMSSupport
import OpenSSLCrypto
import Testing

/// A token in front of a fake KMS, with a session.
struct Rig {
    let backend: FakeBackend
    let clock = Clock()
    let token: Token
    let session: Session

    init(
        _ capabilities: Capabilities = Capabilities(rawValue: .max), cacheSeconds: Int = 60, isLoggedIn: Bool = true,
        hasLocalSessionKeys: Bool = false, verifiedSignatures: VerifiedSignatures = .rsa
    ) throws {
        let context = try TestContext.get()
        backend = FakeBackend(capabilities, material: LocalKeys(in: context))
        token = Rig.token(
            backend, clock, cacheSeconds: cacheSeconds, hasLocalSessionKeys: hasLocalSessionKeys,
            verifiedSignatures: verifiedSignatures, context)
        session = Session(handle: 1, slotID: 1, token: token, isReadWrite: true)
        if isLoggedIn { try login() }
    }

    static func token(
        _ backend: FakeBackend, _ clock: Clock, cacheSeconds: Int = 60, hasLocalSessionKeys: Bool = false,
        verifiedSignatures: VerifiedSignatures = .rsa, _ context: LibraryContext
    ) -> Token {
        var settings = Configuration.Slot()
        settings.cacheSeconds = cacheSeconds
        settings.hasLocalSessionKeys = hasLocalSessionKeys
        settings.verifiedSignatures = verifiedSignatures
        return Token(
            slotID: 1, settings: settings, endpoint: "https://kms.invalid", backend: backend, context: context,
            now: clock.now)
    }

    func login(_ pin: String = "right") throws { try withInput(Array(pin.utf8)) { try token.login(CKU_USER, pin: $0) } }

    func session(_ handle: CK_SESSION_HANDLE, isReadWrite: Bool = true) -> Session {
        Session(handle: handle, slotID: 1, token: token, isReadWrite: isReadWrite)
    }

    /// Another process that talks to the same KMS: it knows what the KMS keeps.
    func otherProcess() throws -> Token {
        let other = Rig.token(backend, clock, try TestContext.get())
        try withInput(Array("right".utf8)) { try other.login(CKU_USER, pin: $0) }
        return other
    }

    // MARK: Objects

    func create(_ attributes: [TestAttribute], by session: Session? = nil) throws -> CK_OBJECT_HANDLE {
        try token.create(template(attributes), by: (session ?? self.session).owner)
    }

    func find(_ attributes: TestAttribute...) throws -> [CK_OBJECT_HANDLE] { try token.find(template(attributes)) }

    func attributes(_ handle: CK_OBJECT_HANDLE) throws -> AttributeSet { try token.object(handle).attributes }

    func set(_ handle: CK_OBJECT_HANDLE, _ attributes: TestAttribute...) throws {
        try token.set(handle, template(attributes), by: session.owner)
    }

    func copy(_ handle: CK_OBJECT_HANDLE, _ attributes: TestAttribute...) throws -> CK_OBJECT_HANDLE {
        try token.copy(handle, template(attributes), by: session.owner)
    }

    func destroy(_ handle: CK_OBJECT_HANDLE) throws { try token.destroy(handle, by: session.owner) }

    /// C_GetAttributeValue of one attribute.
    func read(_ handle: CK_OBJECT_HANDLE, _ type: CK_ATTRIBUTE_TYPE) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 8_192)
        return try buffer.withUnsafeMutableBytes { bytes in
            var attribute = CK_ATTRIBUTE(type: type, pValue: bytes.baseAddress, ulValueLen: CK_ULONG(bytes.count))
            try AttributeReader.read(token.object(handle), of: token, &attribute, 1)
            return Array(bytes.prefix(Int(attribute.ulValueLen)))
        }
    }

    // MARK: Keys

    static var keyValue: [UInt8] { [UInt8](0..<32) }

    /// An AES key with a known value, that may do everything.
    func aes(
        token isToken: Bool, _ value: [UInt8] = Rig.keyValue, label: String = "aes", _ more: [TestAttribute] = []
    ) throws -> CK_OBJECT_HANDLE {
        let attributes = [
            TestAttribute(CKA_CLASS, CKO_SECRET_KEY), TestAttribute(CKA_KEY_TYPE, CKK_AES),
            TestAttribute(CKA_TOKEN, isToken), TestAttribute(CKA_LABEL, label), TestAttribute(CKA_VALUE, value),
        ]
        return try create(attributes + more)
    }

    func aes(token isToken: Bool, label: String = "aes", _ more: [TestAttribute]) throws -> CK_OBJECT_HANDLE {
        try aes(token: isToken, Rig.keyValue, label: label, more)
    }

    /// A pair of keys on P-256.
    func pair(
        token isToken: Bool, label: String = "pair", public publicAttributes: [TestAttribute] = [],
        private privateAttributes: [TestAttribute] = []
    ) throws -> (publicKey: CK_OBJECT_HANDLE, privateKey: CK_OBJECT_HANDLE) {
        let common = [TestAttribute(CKA_TOKEN, isToken), TestAttribute(CKA_LABEL, label)]
        return try TestMechanism(CKM_EC_KEY_PAIR_GEN).with { request in
            try token.generateKeyPair(
                request,
                public: template(
                    [TestAttribute(CKA_EC_PARAMS, bytes(hex: "06082a8648ce3d030107"))]
                        + common.filter { common in !publicAttributes.contains { $0.type == common.type } }
                        + publicAttributes),
                private: template(
                    common.filter { common in !privateAttributes.contains { $0.type == common.type } }
                        + privateAttributes), by: session.owner)
        }
    }

    func rsa(token isToken: Bool, label: String = "rsa") throws -> (
        publicKey: CK_OBJECT_HANDLE, privateKey: CK_OBJECT_HANDLE
    ) {
        let common = [TestAttribute(CKA_TOKEN, isToken), TestAttribute(CKA_LABEL, label)]
        return try TestMechanism(CKM_RSA_PKCS_KEY_PAIR_GEN).with { request in
            try token.generateKeyPair(
                request, public: template(common + [TestAttribute(CKA_MODULUS_BITS, 2_048)]),
                private: template(common), by: session.owner)
        }
    }
}

// MARK: Whole operations

extension Session {
    func encrypt(
        _ mechanism: TestMechanism, _ key: CK_OBJECT_HANDLE, _ data: [UInt8], room: Int = 4 << 20
    ) throws -> [UInt8] {
        try mechanism.with { try encryptInit($0, key: key) }
        return try withInput(data) { input in try collect(room: room) { try encrypt(input, into: $0) } }
    }

    func decrypt(
        _ mechanism: TestMechanism, _ key: CK_OBJECT_HANDLE, _ data: [UInt8], room: Int = 4 << 20
    ) throws -> [UInt8] {
        try mechanism.with { try decryptInit($0, key: key) }
        return try withInput(data) { input in try collect(room: room) { try decrypt(input, into: $0) } }
    }

    func sign(_ mechanism: TestMechanism, _ key: CK_OBJECT_HANDLE, _ data: [UInt8]) throws -> [UInt8] {
        try mechanism.with { try signInit($0, key: key) }
        return try withInput(data) { input in try collect { try sign(input, into: $0) } }
    }

    func verify(
        _ mechanism: TestMechanism, _ key: CK_OBJECT_HANDLE, _ data: [UInt8], _ signature: [UInt8]
    ) throws {
        try mechanism.with { try verifyInit($0, key: key) }
        try withInput(data) { data in try withInput(signature) { try verify(data, signature: $0) } }
    }
}

func expect(_ rv: CK_RV, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void) {
    #expect(throws: CKError(rv), sourceLocation: sourceLocation) { try body() }
}

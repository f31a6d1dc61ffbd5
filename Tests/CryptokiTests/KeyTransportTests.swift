import CPKCS11
import Cryptoki
import KMSBackend
import OpenSSLCrypto
import Testing

/// Where two keys live: at the KMS or in this process.
struct Places: Sendable, CustomTestStringConvertible {
    let wrapping: Bool
    let subject: Bool

    var testDescription: String { "\(wrapping ? "KMS" : "session") wraps \(subject ? "KMS" : "session")" }
    static var all: [Places] {
        [true, false].flatMap { wrapping in [true, false].map { Places(wrapping: wrapping, subject: $0) } }
    }
}

extension Rig {
    func wrap(_ mechanism: TestMechanism, _ key: CK_OBJECT_HANDLE, _ subject: CK_OBJECT_HANDLE) throws -> [UInt8] {
        try mechanism.with { request in try collect { try token.wrap(request, key, subject, into: $0) } }
    }

    func unwrap(
        _ mechanism: TestMechanism, _ key: CK_OBJECT_HANDLE, _ wrapped: [UInt8], _ attributes: [TestAttribute]
    ) throws -> CK_OBJECT_HANDLE {
        try mechanism.with { request in
            try withInput(wrapped) {
                try token.unwrap(request, key, $0, template(attributes), by: session.owner)
            }
        }
    }

    func derive(
        _ mechanism: TestMechanism, _ key: CK_OBJECT_HANDLE, _ attributes: [TestAttribute]
    ) throws -> CK_OBJECT_HANDLE {
        try mechanism.with { try token.derive($0, key, template(attributes), by: session.owner) }
    }
}

@Suite("C_WrapKey and C_UnwrapKey")
struct KeyTransportTests {
    private static var extractable: TestAttribute { TestAttribute(CKA_EXTRACTABLE, true) }
    private static var subjectValue: [UInt8] { [UInt8](100..<124) }
    private static var aesTemplate: [TestAttribute] {
        [TestAttribute(CKA_CLASS, CKO_SECRET_KEY), TestAttribute(CKA_KEY_TYPE, CKK_AES)]
    }
    private static var readable: [TestAttribute] { [extractable, TestAttribute(CKA_SENSITIVE, false)] }

    @Test("Secret keys, wherever the keys are and the result shall be", arguments: Places.all, [true, false])
    func secretKeys(places: Places, isToken: Bool) throws {
        let rig = try Rig()
        let wrapping = try rig.aes(token: places.wrapping, label: "wrapping")
        let subject = try rig.aes(token: places.subject, Self.subjectValue, label: "subject", [Self.extractable])
        for mechanism in [
            TestMechanism(CKM_AES_KEY_WRAP), TestMechanism(CKM_AES_KEY_WRAP_KWP), .gcm(), .cbcPad(),
        ] {
            let wrapped = try rig.wrap(mechanism, wrapping, subject)
            let key = try rig.unwrap(
                mechanism, wrapping, wrapped,
                Self.aesTemplate + Self.readable + [TestAttribute(CKA_TOKEN, isToken), TestAttribute(CKA_LABEL, "new")])
            #expect(try rig.read(key, CKA_VALUE) == Self.subjectValue)
            let attributes = try rig.attributes(key)
            #expect(attributes.flag(CKA_TOKEN) == isToken && !attributes.flag(CKA_LOCAL))
            #expect(!attributes.flag(CKA_ALWAYS_SENSITIVE) && !attributes.flag(CKA_NEVER_EXTRACTABLE))
            #expect(attributes.number(CKA_KEY_GEN_MECHANISM) == CK_UNAVAILABLE_INFORMATION)
            #expect(attributes.number(CKA_VALUE_LEN) == 24)
            #expect(attributes.value(CKA_LABEL) == Array("new".utf8))
            #expect(try rig.session.encrypt(.gcm(), key, [1]) == (try rig.session.encrypt(.gcm(), subject, [1])))
        }
    }

    @Test("Private keys travel as PKCS #8", arguments: Places.all)
    func privateKeys(places: Places) throws {
        let rig = try Rig()
        let wrapping = try rig.aes(token: places.wrapping)
        let context = try TestContext.get()
        let original = try PrivateKey.generateEC(.nistP256, in: context)
        guard case .ec(_, let scalar) = try original.components() else { return }
        let subject = try rig.create([
            TestAttribute(CKA_CLASS, CKO_PRIVATE_KEY), TestAttribute(CKA_KEY_TYPE, CKK_EC),
            TestAttribute(CKA_TOKEN, places.subject), TestAttribute(CKA_LABEL, "subject"), Self.extractable,
            TestAttribute(CKA_EC_PARAMS, bytes(hex: "06082a8648ce3d030107")),
            TestAttribute(CKA_VALUE, scalar.withBytes { Array($0) }),
        ])
        for mechanism in [TestMechanism(CKM_AES_KEY_WRAP_KWP), .gcm(), .cbcPad()] {
            let wrapped = try rig.wrap(mechanism, wrapping, subject)
            let key = try rig.unwrap(
                mechanism, wrapping, wrapped,
                [
                    TestAttribute(CKA_CLASS, CKO_PRIVATE_KEY), TestAttribute(CKA_KEY_TYPE, CKK_EC),
                    TestAttribute(CKA_LABEL, "new"),
                ])
            #expect(
                try rig.attributes(key).value(CKA_PUBLIC_KEY_INFO) == (try original.subjectPublicKeyInfo()))
            let signature = try rig.session.sign(TestMechanism(CKM_ECDSA_SHA256), key, [1, 2])
            #expect(signature.count == 64)
            expect(CKR_WRAPPED_KEY_INVALID) {
                _ = try rig.unwrap(mechanism, wrapping, wrapped, Self.aesTemplate)
            }
        }
    }

    @Test("RSA wraps secret keys, with a public key of the KMS or of the session", arguments: [true, false])
    func rsa(isSubjectOnToken: Bool) throws {
        let rig = try Rig()
        let pair = try rig.rsa(token: true)
        let subject = try rig.aes(token: isSubjectOnToken, Self.subjectValue, [Self.extractable])
        let pub = try rig.attributes(pair.publicKey)
        let brought = try rig.create([
            TestAttribute(CKA_CLASS, CKO_PUBLIC_KEY), TestAttribute(CKA_KEY_TYPE, CKK_RSA),
            TestAttribute(CKA_MODULUS, pub.value(CKA_MODULUS) ?? []),
            TestAttribute(CKA_PUBLIC_EXPONENT, pub.value(CKA_PUBLIC_EXPONENT) ?? []),
        ])
        for mechanism in [TestMechanism.oaep, TestMechanism(CKM_RSA_PKCS)] {
            for wrapping in [pair.publicKey, brought] {
                let wrapped = try rig.wrap(mechanism, wrapping, subject)
                #expect(wrapped.count == 256)
                let key = try rig.unwrap(mechanism, pair.privateKey, wrapped, Self.aesTemplate + Self.readable)
                #expect(try rig.read(key, CKA_VALUE) == Self.subjectValue)
            }
        }
        expect(CKR_WRAPPING_KEY_TYPE_INCONSISTENT) { _ = try rig.wrap(.oaep, pair.privateKey, subject) }
        expect(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT) {
            _ = try rig.unwrap(.oaep, pair.publicKey, CipherTests.data(256), Self.aesTemplate)
        }
        expect(CKR_WRAPPED_KEY_LEN_RANGE) {
            _ = try rig.unwrap(.oaep, pair.privateKey, CipherTests.data(255), Self.aesTemplate)
        }
        expect(CKR_WRAPPED_KEY_INVALID) {
            _ = try rig.unwrap(.oaep, pair.privateKey, [0] + CipherTests.data(255), Self.aesTemplate)
        }
    }

    @Test("What may not be wrapped is not", arguments: Places.all)
    func refusedWrapping(places: Places) throws {
        let rig = try Rig()
        let mechanism = TestMechanism(CKM_AES_KEY_WRAP)
        let wrapping = try rig.aes(token: places.wrapping)
        let fixed = try rig.aes(token: places.subject, [TestAttribute(CKA_EXTRACTABLE, false)])
        expect(CKR_KEY_UNEXTRACTABLE) { _ = try rig.wrap(mechanism, wrapping, fixed) }
        let careful = try rig.aes(
            token: places.subject, [Self.extractable, TestAttribute(CKA_WRAP_WITH_TRUSTED, true)])
        expect(CKR_KEY_NOT_WRAPPABLE) { _ = try rig.wrap(mechanism, wrapping, careful) }
        let subject = try rig.aes(token: places.subject, [Self.extractable])
        let unable = try rig.aes(token: places.wrapping, [TestAttribute(CKA_WRAP, false)])
        expect(CKR_KEY_FUNCTION_NOT_PERMITTED) { _ = try rig.wrap(mechanism, unable, subject) }
        expect(CKR_WRAPPING_KEY_HANDLE_INVALID) { _ = try rig.wrap(mechanism, 77, subject) }
        expect(CKR_KEY_HANDLE_INVALID) { _ = try rig.wrap(mechanism, wrapping, 77) }
        expect(CKR_WRAPPING_KEY_TYPE_INCONSISTENT) { _ = try rig.wrap(.oaep, wrapping, subject) }
        expect(CKR_MECHANISM_INVALID) { _ = try rig.wrap(TestMechanism(CKM_SHA256), wrapping, subject) }
        let pair = try rig.pair(token: places.subject)
        expect(CKR_KEY_NOT_WRAPPABLE) { _ = try rig.wrap(mechanism, wrapping, pair.publicKey) }
        #expect(!rig.backend.calls.contains(.wrap))
    }

    @Test("A size query is exact and wraps nothing", arguments: Places.all)
    func sizes(places: Places) throws {
        let rig = try Rig()
        let wrapping = try rig.aes(token: places.wrapping)
        let subject = try rig.aes(token: places.subject, Self.subjectValue, [Self.extractable])
        rig.backend.forgetCalls()
        for (mechanism, expected) in [
            (TestMechanism(CKM_AES_KEY_WRAP), 32), (TestMechanism(CKM_AES_KEY_WRAP_KWP), 32), (.gcm(), 40),
            (.cbcPad(), 32),
        ] {
            let answer = try mechanism.with { request in
                try length { try rig.token.wrap(request, wrapping, subject, into: $0) }
            }
            #expect(answer == expected)
        }
        #expect(rig.backend.calls.isEmpty)
        expect(CKR_BUFFER_TOO_SMALL) {
            try TestMechanism(CKM_AES_KEY_WRAP).with { request in
                _ = try collect(room: 31) { try rig.token.wrap(request, wrapping, subject, into: $0) }
            }
        }
    }

    @Test("A wrapped key that is none leaves no object behind", arguments: [true, false], [true, false])
    func refusedUnwrapping(isRemote: Bool, isToken: Bool) throws {
        let rig = try Rig()
        let mechanism = TestMechanism(CKM_AES_KEY_WRAP)
        let wrapping = try rig.aes(token: isRemote)
        let subject = try rig.aes(token: false, Self.subjectValue, [Self.extractable])
        var wrapped = try rig.wrap(mechanism, wrapping, subject)
        let before = try Set(rig.find())
        let stored = rig.backend.keys.count
        let attributes = Self.aesTemplate + [TestAttribute(CKA_TOKEN, isToken), TestAttribute(CKA_LABEL, "x")]
        let length = TestAttribute(CKA_VALUE_LEN, 16)
        expect(CKR_TEMPLATE_INCONSISTENT) { _ = try rig.unwrap(mechanism, wrapping, wrapped, attributes + [length]) }
        expect(CKR_WRAPPED_KEY_LEN_RANGE) { _ = try rig.unwrap(mechanism, wrapping, wrapped + [0], attributes) }
        expect(CKR_WRAPPED_KEY_LEN_RANGE) { _ = try rig.unwrap(mechanism, wrapping, [], attributes) }
        wrapped[3] ^= 1
        expect(CKR_WRAPPED_KEY_INVALID) { _ = try rig.unwrap(mechanism, wrapping, wrapped, attributes) }
        expect(CKR_TEMPLATE_INCOMPLETE) { _ = try rig.unwrap(mechanism, wrapping, wrapped, []) }
        expect(CKR_UNWRAPPING_KEY_HANDLE_INVALID) { _ = try rig.unwrap(mechanism, 5, wrapped, attributes) }
        let unable = try rig.aes(token: isRemote, label: "unable", [TestAttribute(CKA_UNWRAP, false)])
        expect(CKR_KEY_FUNCTION_NOT_PERMITTED) { _ = try rig.unwrap(mechanism, unable, wrapped, attributes) }
        #expect(try Set(rig.find()) == before.union([unable]))
        #expect(rig.backend.keys.count == stored + (isRemote ? 1 : 0))
    }
}

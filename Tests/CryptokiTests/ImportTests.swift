import CPKCS11
import Cryptoki
import KMSBackend
import KMSSupport
import OpenSSLCrypto
import Testing

/// Parts of a template that each are right by themselves and do not belong together.
@Suite("C_CreateObject: contradictory parts leave no object behind")
struct ImportTests {
    private let rig: Rig
    private let context: LibraryContext

    init() throws {
        rig = try Rig()
        context = try TestContext.get()
    }

    private func refuse(
        _ rv: CK_RV, _ attributes: [TestAttribute], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for isToken in [true, false] {
            expect(rv, sourceLocation: sourceLocation) {
                _ = try rig.create(attributes + [TestAttribute(CKA_TOKEN, isToken), TestAttribute(CKA_LABEL, "x")])
            }
        }
        #expect(rig.backend.calls.isEmpty && rig.backend.keys.isEmpty, sourceLocation: sourceLocation)
        #expect(try rig.find().isEmpty, sourceLocation: sourceLocation)
    }

    private func ec(_ curve: [UInt8], _ more: [TestAttribute], type: CK_KEY_TYPE = CKK_EC) throws -> [TestAttribute] {
        [
            TestAttribute(CKA_CLASS, CKO_PRIVATE_KEY), TestAttribute(CKA_KEY_TYPE, type),
            TestAttribute(CKA_EC_PARAMS, curve),
        ] + more
    }

    private var p256: [UInt8] { bytes(hex: "06082a8648ce3d030107") }

    @Test(
        "Secret keys of impossible lengths",
        arguments: [
            (CKK_AES, [0, 1, 15, 17, 33, 64]), (CKK_DES3, [8, 16, 25]), (CKK_DES2, [15, 24]),
            (CKK_GENERIC_SECRET, [0, 1_025]), (CKK_SHA256_HMAC, [0]),
        ])
    func lengths(keyType: CK_KEY_TYPE, counts: [Int]) throws {
        for count in counts {
            try refuse(
                CKR_ATTRIBUTE_VALUE_INVALID,
                [
                    TestAttribute(CKA_CLASS, CKO_SECRET_KEY), TestAttribute(CKA_KEY_TYPE, keyType),
                    TestAttribute(CKA_VALUE, CipherTests.data(count)),
                ])
        }
    }

    @Test("A check value that is not the key's")
    func checkValue() throws {
        try refuse(
            CKR_ATTRIBUTE_VALUE_INVALID,
            [
                TestAttribute(CKA_CLASS, CKO_SECRET_KEY), TestAttribute(CKA_KEY_TYPE, CKK_AES),
                TestAttribute(CKA_VALUE, Rig.keyValue), TestAttribute(CKA_CHECK_VALUE, [1, 2, 3]),
            ])
    }

    @Test("Curves and scalars")
    func curves() throws {
        let scalar = TestAttribute(CKA_VALUE, [UInt8](1...32))
        try refuse(CKR_CURVE_NOT_SUPPORTED, try ec([0x06, 0x03, 0x2A, 0x03, 0x04], [scalar]))
        // Ed25519's OID with the key type of ECDSA.
        try refuse(CKR_CURVE_NOT_SUPPORTED, try ec([0x06, 0x03, 0x2B, 0x65, 0x70], [scalar]))
        try refuse(CKR_CURVE_NOT_SUPPORTED, try ec(p256, [scalar], type: CKK_EC_EDWARDS))
        try refuse(CKR_ATTRIBUTE_VALUE_INVALID, try ec([], [scalar]))
        for value in [
            [UInt8](), [UInt8](repeating: 0, count: 32), [UInt8](repeating: 0xFF, count: 32), [UInt8](1...33),
        ] {
            try refuse(CKR_ATTRIBUTE_VALUE_INVALID, try ec(p256, [TestAttribute(CKA_VALUE, value)]))
        }
    }

    @Test("A public point or public key info that is another key's")
    func otherPoint() throws {
        let key = try PrivateKey.generateEC(.nistP256, in: context)
        guard case .ec(_, let scalar) = try key.components() else { return }
        let value = TestAttribute(CKA_VALUE, scalar.withBytes { Array($0) })
        let other = try PrivateKey.generateEC(.nistP256, in: context).subjectPublicKeyInfo()
        guard case .ec(_, let point) = try PublicKey(subjectPublicKeyInfo: other, in: context).components() else {
            return
        }
        try refuse(
            CKR_TEMPLATE_INCONSISTENT,
            try ec(p256, [value, TestAttribute(CKA_EC_POINT, try DEROctetString.encode(point))]))
        try refuse(CKR_TEMPLATE_INCONSISTENT, try ec(p256, [value, TestAttribute(CKA_PUBLIC_KEY_INFO, other)]))
    }

    @Test("RSA numbers of two keys")
    func rsa() throws {
        func parts(_ key: PrivateKey) throws -> PrivateKey.RSA? {
            guard case .rsa(let parts) = try key.components() else { return nil }
            return parts
        }
        let one = try #require(try parts(PrivateKey.generateRSA(bits: 2_048, exponent: 65_537, in: context)))
        let two = try #require(try parts(PrivateKey.generateRSA(bits: 2_048, exponent: 65_537, in: context)))
        func template(_ modulus: [UInt8], _ prime: Secret?) -> [TestAttribute] {
            let secrets = [
                (CKA_PRIVATE_EXPONENT, one.privateExponent), (CKA_PRIME_1, prime), (CKA_PRIME_2, one.prime2),
            ]
            return [
                TestAttribute(CKA_CLASS, CKO_PRIVATE_KEY), TestAttribute(CKA_KEY_TYPE, CKK_RSA),
                TestAttribute(CKA_MODULUS, modulus), TestAttribute(CKA_PUBLIC_EXPONENT, [1, 0, 1]),
            ] + secrets.compactMap { type, value in value.map { TestAttribute(type, $0.withBytes { Array($0) }) } }
        }
        try refuse(CKR_ATTRIBUTE_VALUE_INVALID, template(two.modulus, one.prime1))
        try refuse(CKR_ATTRIBUTE_VALUE_INVALID, template(one.modulus, two.prime1))
        try refuse(CKR_TEMPLATE_INCOMPLETE, template(one.modulus, nil))
        let handle = try rig.create(template(one.modulus, one.prime1))
        #expect(try rig.session.sign(TestMechanism(CKM_SHA256_RSA_PKCS), handle, [1]).count == 256)
    }

    @Test("A certificate whose parts are another's, or that is none")
    func certificate() throws {
        let certificate = try Certificate(der: Samples.certificate, in: context)
        func template(_ der: [UInt8], _ subject: [UInt8], _ more: [TestAttribute] = []) -> [TestAttribute] {
            [
                TestAttribute(CKA_CLASS, CKO_CERTIFICATE), TestAttribute(CKA_CERTIFICATE_TYPE, CKC_X_509),
                TestAttribute(CKA_VALUE, der), TestAttribute(CKA_SUBJECT, subject),
            ] + more
        }
        try refuse(CKR_ATTRIBUTE_VALUE_INVALID, template([0x30, 0], certificate.subject))
        try refuse(CKR_ATTRIBUTE_VALUE_INVALID, template(Samples.certificate + [0], certificate.subject))
        try refuse(CKR_TEMPLATE_INCONSISTENT, template(Samples.certificate, [0x30, 0]))
        for type in [CKA_ISSUER, CKA_SERIAL_NUMBER, CKA_PUBLIC_KEY_INFO, CKA_CHECK_VALUE] {
            try refuse(
                CKR_TEMPLATE_INCONSISTENT,
                template(Samples.certificate, certificate.subject, [TestAttribute(type, [1, 2, 3])]))
        }
        try refuse(
            CKR_ATTRIBUTE_READ_ONLY,
            template(Samples.certificate, certificate.subject, [TestAttribute(CKA_TRUSTED, true)]))
        // Hosts that do not know a part give an empty one.
        _ = try rig.create(template(Samples.certificate, [], [TestAttribute(CKA_ISSUER, "")]))
    }
}

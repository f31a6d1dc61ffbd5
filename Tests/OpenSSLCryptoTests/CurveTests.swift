import KMSModel
import KMSSupport
import OpenSSLCrypto
import Testing

@Suite("Keys on curves")
struct CurveTests {
    let context: LibraryContext

    init() throws { context = try TestContext.get() }

    @Test("of every kind survive each of their forms", arguments: EllipticCurve.allCases)
    func forms(curve: EllipticCurve) throws {
        let key = try PrivateKey.generateEC(curve, in: context)
        #expect(key.kind == .ec(curve))
        #expect(key.kind.bits == curve.bits)
        #expect(key.isConsistent())
        let info = try key.subjectPublicKeyInfo()
        for der in [try key.der(), try key.pkcs8()] {
            let again = try PrivateKey(der: der, in: context)
            #expect(again.kind == .ec(curve))
            #expect(try again.subjectPublicKeyInfo() == info)
        }
        let rebuilt = try PrivateKey(key.components(), in: context)
        #expect(try rebuilt.der().equals(key.der()))
        #expect(try rebuilt.subjectPublicKeyInfo() == info)

        let publicKey = try PublicKey(subjectPublicKeyInfo: info, in: context)
        #expect(try publicKey.kind() == .ec(curve))
        #expect(publicKey.bits == curve.bits)
        let components = try publicKey.components()
        guard case .ec(let parameters, let point) = components else {
            Issue.record("not a key on a curve")
            return
        }
        #expect(EllipticCurve(ecParameters: parameters) == curve)
        #expect(try PublicKey(components, in: context).subjectPublicKeyInfo() == info)
        #expect(throws: CryptoError.self) {
            try PublicKey(.ec(parameters: parameters, point: Array(point.dropLast())), in: context)
        }
        #expect(throws: CryptoError.self) { try PublicKey(.ec(parameters: parameters, point: []), in: context) }
        #expect(throws: CryptoError.self) {
            try PublicKey(.ec(parameters: parameters, point: point + [0]), in: context)
        }
    }

    @Test("are read by the openssl program, and read its keys", arguments: EllipticCurve.allCases)
    func program(curve: EllipticCurve) throws {
        let openssl = try Program()
        let key = try PrivateKey.generateEC(curve, in: context)
        try openssl.write(key.pkcs8().bytes, to: "key")
        #expect(
            try openssl("pkey", "-inform", "DER", "-in", "key", "-pubout", "-outform", "DER")
                == key.subjectPublicKeyInfo())
        let name = curve.openSSLName
        if let name {
            try openssl(
                "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:\(name)", "-outform", "DER", "-out", "new"
            )
        } else {
            try openssl("genpkey", "-algorithm", curve.rawValue, "-outform", "DER", "-out", "new")
        }
        let made = try PrivateKey(der: Secret(openssl.read("new")), in: context)
        #expect(made.kind == .ec(curve))
        #expect(
            try openssl("pkey", "-inform", "DER", "-in", "new", "-pubout", "-outform", "DER")
                == made.subjectPublicKeyInfo())
    }

    @Test("have the parameters of PKCS#11")
    func parameters() throws {
        #expect(try EllipticCurve.nistP256.ecParameters() == hex("06082a8648ce3d030107"))
        #expect(try EllipticCurve.secP256K1.ecParameters() == hex("06052b8104000a"))
        #expect(try EllipticCurve.ed25519.ecParameters() == hex("06032b6570"))
        #expect(try EllipticCurve.x448.ecParameters() == hex("06032b656f"))
        let named = { (name: String) in
            EllipticCurve(ecParameters: [0x13, UInt8(name.utf8.count)] + Array(name.utf8))
        }
        #expect(named("edwards25519") == .ed25519)
        #expect(named("edwards448") == .ed448)
        #expect(named("curve25519") == .x25519)
        #expect(named("curve448") == .x448)
        #expect(named("secp256r1") == nil)
        #expect(named("prime256v1") == nil)
        #expect(EllipticCurve(ecParameters: []) == nil)
        #expect(EllipticCurve(ecParameters: hex("06082a8648ce3d030107 00")) == nil)
        #expect(EllipticCurve(ecParameters: hex("0681082a8648ce3d030107")) == nil)
        #expect(EllipticCurve(ecParameters: hex("06052b81040001")) == nil)
    }

    @Test("take compressed points and refuse those beside the curve", arguments: EllipticCurve.allCases)
    func points(curve: EllipticCurve) throws {
        guard curve.family == .weierstrass else { return }
        let key = try PrivateKey.generateEC(curve, in: context)
        let publicKey = try PublicKey(subjectPublicKeyInfo: key.subjectPublicKeyInfo(), in: context)
        guard case .ec(let parameters, var point) = try publicKey.components(), let last = point.last else {
            Issue.record("not a key on a curve")
            return
        }
        let width = (curve.bits + 7) / 8
        let compressed = [0x02 | last & 1] + point[1...width]
        let again = try PublicKey(.ec(parameters: parameters, point: compressed), in: context)
        #expect(try again.subjectPublicKeyInfo() == publicKey.subjectPublicKeyInfo())
        #expect(throws: CryptoError.self) {
            try PublicKey(.ec(parameters: parameters, point: [0x06 | last & 1] + point.dropFirst()), in: context)
        }
        #expect(throws: CryptoError.self) { try PublicKey(.ec(parameters: parameters, point: [0]), in: context) }
        point[point.count - 1] ^= 1
        #expect(throws: CryptoError.self) {
            try PublicKey(.ec(parameters: parameters, point: point), in: context)
        }
    }

    @Test("have scalars as wide as the order and smaller", arguments: EllipticCurve.allCases)
    func scalars(curve: EllipticCurve) throws {
        let key = try PrivateKey.generateEC(curve, in: context)
        guard case .ec(_, let scalar) = try key.components() else {
            Issue.record("not a key on a curve")
            return
        }
        let widths: [EllipticCurve: Int] = [.nistP224: 28, .nistP384: 48, .nistP521: 66, .ed448: 57, .x448: 56]
        #expect(scalar.count == widths[curve] ?? 32)
        let build = { (bytes: [UInt8]) in
            try PrivateKey(.ec(curve: curve, scalar: Secret(bytes)), in: context)
        }
        #expect(throws: CryptoError.self) { try build([]) }
        #expect(throws: CryptoError.self) { try build(scalar.bytes + [0]) }
        guard curve.family == .weierstrass else {
            #expect(throws: CryptoError.self) { try build(Array(scalar.bytes.dropLast())) }
            return
        }
        #expect(throws: CryptoError.self) { try build([UInt8](repeating: 0, count: scalar.count)) }
        #expect(throws: CryptoError.self) { try build([UInt8](repeating: 0xFF, count: scalar.count)) }
        guard case .ec(_, let one) = try build([1]).components() else { return }
        #expect(one.bytes == [UInt8](repeating: 0, count: scalar.count - 1) + [1])
    }

    @Test("agree with each other, as wide as the field", arguments: EllipticCurve.allCases)
    func agreement(curve: EllipticCurve) throws {
        let first = try PrivateKey.generateEC(curve, in: context)
        let second = try PrivateKey.generateEC(curve, in: context)
        let firstPublic = try PublicKey(subjectPublicKeyInfo: first.subjectPublicKeyInfo(), in: context)
        let secondPublic = try PublicKey(subjectPublicKeyInfo: second.subjectPublicKeyInfo(), in: context)
        guard curve.family != .edwards else {
            #expect(throws: CryptoError.self) { try first.agree(with: secondPublic) }
            return
        }
        let secret = try first.agree(with: secondPublic)
        #expect(secret.equals(try second.agree(with: firstPublic)))
        #expect(secret.count == (curve.bits + 7) / 8)
        let openssl = try Program()
        try openssl.write(first.pkcs8().bytes, to: "key")
        try openssl.write(second.subjectPublicKeyInfo(), to: "peer")
        #expect(
            try openssl(
                "pkeyutl", "-derive", "-keyform", "DER", "-inkey", "key", "-peerform", "DER", "-peerkey", "peer")
                == secret.bytes)
        let stranger = try PrivateKey.generateEC(curve == .nistP256 ? .secP256K1 : .nistP256, in: context)
        #expect(throws: CryptoError.self) {
            try first.agree(with: PublicKey(subjectPublicKeyInfo: stranger.subjectPublicKeyInfo(), in: context))
        }
    }

    @Test(
        "agree as RFC 7748 says",
        arguments: [
            (
                EllipticCurve.x25519, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
                "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
                "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
            ),
            (
                .x448,
                """
                9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28d
                d9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b
                """,
                """
                3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b430
                27d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609
                """,
                """
                07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282b
                b60c0b56fd2464c335543936521c24403085d59a449a5037514a879d
                """
            ),
        ])
    func montgomery(curve: EllipticCurve, scalar: String, peer: String, expected: String) throws {
        let key = try PrivateKey(.ec(curve: curve, scalar: secret(scalar)), in: context)
        let parameters = try curve.ecParameters()
        let secret = try key.agree(with: PublicKey(.ec(parameters: parameters, point: hex(peer)), in: context))
        #expect(secret.bytes == hex(expected))
        // A point of small order: the secret would be zeros.
        let zeros = [UInt8](repeating: 0, count: hex(peer).count)
        #expect(throws: CryptoError.self) {
            try key.agree(with: PublicKey(.ec(parameters: parameters, point: zeros), in: context))
        }
    }

    @Test("OCTET STRINGs are read exactly")
    func octetString() throws {
        for length in [0, 1, 127, 128, 300] {
            let content = [UInt8](repeating: 4, count: length)
            #expect(DEROctetString.decode(try DEROctetString.encode(content)) == content)
        }
        #expect(DEROctetString.decode(hex("0401 04 00")) == nil)
        #expect(DEROctetString.decode(hex("048101 04")) == nil)
        #expect(DEROctetString.decode(hex("0402 04")) == nil)
        #expect(DEROctetString.decode(hex("0301 04")) == nil)
        #expect(DEROctetString.decode([]) == nil)
    }
}

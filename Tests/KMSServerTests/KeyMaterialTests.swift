import FoundationEssentials
import KMSModel
import KMSServer
import KMSSupport
import OpenSSLCrypto
import Testing

@Suite("Import of key material")
struct KeyMaterialTests {
    let context: LibraryContext

    init() throws { context = try ProcessContext.get() }

    func request(_ value: [UInt8], _ type: ObjectType?) -> SobjectRequest {
        var request = SobjectRequest()
        request.name = "key"
        request.objType = type
        request.value = Data(value)
        return request
    }

    func complaint(_ request: SobjectRequest) -> String {
        do {
            _ = try KeyMaterial.read(request, in: context)
            return ""
        } catch let error as KMSError {
            return error.status == .badRequest ? error.message : "status \(error.status)"
        } catch {
            return "unexpected \(error)"
        }
    }

    @Test("an RSA key comes in and goes out as it was")
    func rsa() throws {
        let key = try PrivateKey.generateRSA(bits: 2048, exponent: 3, in: context)
        let der = try key.der().withBytes { Array($0) }
        let material = try KeyMaterial.read(request(der, .rsa), in: context)
        #expect(material.bits == 2048)
        #expect(material.exponent == 3)
        #expect(material.secret?.withBytes { Array($0) } == der)
        #expect(material.publicKey == (try key.subjectPublicKeyInfo()))
        let half = try KeyMaterial.read(request(try key.subjectPublicKeyInfo(), .rsa), in: context)
        #expect(half.isPublicOnly)
        #expect(half.publicKey == material.publicKey)
    }

    @Test(
        "an EC key of each curve",
        arguments: [EllipticCurve.nistP224, .nistP256, .nistP384, .nistP521, .secP256K1])
    func ec(curve: EllipticCurve) throws {
        let key = try PrivateKey.generateEC(curve, in: context)
        let material = try KeyMaterial.read(request(try key.der().withBytes { Array($0) }, .ec), in: context)
        #expect(material.curve == curve)
        #expect(material.bits == curve.bits)
        let digest = [UInt8](repeating: 9, count: 32)
        let signature = try key.sign(digest, algorithm: .ecdsa(.sha256))
        let publicKey = try PublicKey(subjectPublicKeyInfo: try #require(material.publicKey), in: context)
        #expect(try publicKey.verify(digest, signature: signature, algorithm: .ecdsa(.sha256)))
    }

    @Test("what is not what it says is refused with a reason")
    func refusals() throws {
        let rsa = try PrivateKey.generateRSA(bits: 2048, exponent: 65537, in: context).der().withBytes { Array($0) }
        let ec = try PrivateKey.generateEC(.nistP256, in: context).der().withBytes { Array($0) }
        #expect(complaint(request([], .rsa)).contains("value"))
        #expect(complaint(request([1, 2, 3], .rsa)).contains("not an RSA"))
        #expect(complaint(request(rsa, .ec)).contains("says EC"))
        #expect(complaint(request(ec, .rsa)).contains("says RSA"))
        #expect(complaint(request(rsa, .certificate)).contains("says CERTIFICATE"))
        #expect(complaint(request([1, 2, 3], .certificate)).contains("not one X.509 certificate"))
        #expect(complaint(request(rsa + [0], .rsa)).contains("not an RSA"))
        #expect(complaint(request(Array(rsa.dropLast()), .rsa)).contains("not an RSA"))
        #expect(complaint(request(Array("-----BEGIN RSA PRIVATE KEY-----".utf8), .rsa)).contains("PEM"))
        #expect(complaint(request(rsa, .des)).contains("not supported"))
        var wrongSize = request(rsa, .rsa)
        wrongSize.keySize = 4096
        #expect(complaint(wrongSize).contains("says 4096"))
        var wrongCurve = request(ec, .ec)
        wrongCurve.ellipticCurve = .nistP384
        #expect(complaint(wrongCurve).contains("says NistP384"))
        let small = try PrivateKey.generateRSA(bits: 1024, exponent: 65537, in: context).der().withBytes { Array($0) }
        #expect(complaint(request(small, .rsa)).contains("this one has 1024"))
    }

    @Test("a private key whose parts do not fit is refused")
    func inconsistent() throws {
        var der = try PrivateKey.generateRSA(bits: 2048, exponent: 65537, in: context).der().withBytes { Array($0) }
        // A byte of the last prime's CRT coefficient.
        der[der.count - 5] ^= 0x10
        // OpenSSL may notice in the check of the parts or already while reading.
        #expect(!complaint(request(der, .rsa)).isEmpty)
    }

    @Test("no bytes whatever trap")
    func noise() throws {
        let seed = try PrivateKey.generateEC(.nistP256, in: context).der().withBytes { Array($0) }
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            _ = complaint(request(bytes, .ec))
            _ = complaint(request(bytes, .certificate))
        }
    }
}

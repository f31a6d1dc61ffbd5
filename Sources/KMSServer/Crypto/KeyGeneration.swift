package import KMSModel
internal import KMSSupport
package import OpenSSLCrypto

extension KeyMaterial {
    /// A new key as POST /crypto/v1/keys asks for it. Takes up to seconds for RSA.
    package static func generate(_ request: SobjectRequest, in context: LibraryContext) throws -> KeyMaterial {
        switch request.objType {
        case .rsa?:
            guard let bits = request.keySize ?? request.rsa?.keySize else {
                throw KMSError.badRequest("Field \"key_size\" is needed for RSA, in bits")
            }
            guard KeyRules.rsaBits.contains(bits), bits.isMultiple(of: 256) else {
                throw KMSError.badRequest("Field \"key_size\": \(KeyRules.rsaBitsSentence), in steps of 256")
            }
            let exponent = request.pubExponent ?? request.rsa?.publicExponent ?? 65537
            guard (3...0xFFFF_FFFF).contains(exponent), exponent % 2 == 1 else {
                throw KMSError.badRequest("Field \"pub_exponent\" must be odd, at least 3 and at most 32 bits long")
            }
            return try KeyMaterial(PrivateKey.generateRSA(bits: bits, exponent: exponent, in: context))
        case .ec?:
            guard let curve = request.ellipticCurve ?? request.keySize.flatMap(EllipticCurve.nist) else {
                throw KMSError.badRequest("Field \"elliptic_curve\" is needed for EC, for example NistP256")
            }
            return try KeyMaterial(PrivateKey.generateEC(curve, in: context))
        case .aes?, .des3?, .hmac?:
            return try generateSymmetric(request, in: context)
        case .secret?, .opaque?, .certificate?:
            throw KMSError.badRequest("Objects of this type cannot be generated, only imported (PUT with \"value\")")
        case nil:
            throw KMSError.badRequest("Field \"obj_type\" is missing")
        case .des?, .other?:
            throw KMSError.badRequest(KeyMaterial.unsupportedType)
        }
    }

    private static func generateSymmetric(_ request: SobjectRequest, in context: LibraryContext) throws -> KeyMaterial {
        let type = request.objType ?? .aes
        guard let bits = request.keySize else {
            throw KMSError.badRequest("Field \"key_size\" is needed for \(type.rawValue), in bits")
        }
        var bytes = try Random.bytes(try KeySizes.bytes(type, bits: bits), in: context)
        if type == .des3 {
            // Odd parity: the lowest bit of each byte is not part of the key (FIPS 46-3).
            for index in bytes.indices where bytes[index].nonzeroBitCount.isMultiple(of: 2) { bytes[index] ^= 1 }
        }
        return try KeyMaterial(raw: Secret(copying: &bytes), type: type, in: context)
    }

    static var unsupportedType: String {
        "Field \"obj_type\" is not supported; use AES, DES3, HMAC, RSA, EC, CERTIFICATE, SECRET or OPAQUE"
    }
}

extension EllipticCurve {
    /// The NIST curve of a size in bits.
    fileprivate static func nist(bits: Int) -> EllipticCurve? {
        [.nistP224, .nistP256, .nistP384, .nistP521].first { $0.bits == bits }
    }
}

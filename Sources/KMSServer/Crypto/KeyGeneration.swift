package import KMSModel
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
                throw KMSError.badRequest("Field \"key_size\": RSA keys have 2048 to 4096 bits, in steps of 256")
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
            guard curve.isECDSA else {
                throw KMSError.badRequest("The curve \(curve.rawValue) is not supported")
            }
            return try KeyMaterial(PrivateKey.generateEC(curve, in: context))
        case .secret?, .opaque?, .certificate?:
            throw KMSError.badRequest("Objects of this type cannot be generated, only imported (PUT with \"value\")")
        case nil:
            throw KMSError.badRequest("Field \"obj_type\" is missing")
        default:
            throw KMSError.badRequest(KeyMaterial.unsupportedType)
        }
    }

    static var unsupportedType: String {
        "Field \"obj_type\" is not supported; use RSA, EC, CERTIFICATE, SECRET or OPAQUE"
    }
}

extension EllipticCurve {
    /// The NIST curve of a size in bits.
    fileprivate static func nist(bits: Int) -> EllipticCurve? {
        [.nistP224, .nistP256, .nistP384, .nistP521].first { $0.bits == bits }
    }
}

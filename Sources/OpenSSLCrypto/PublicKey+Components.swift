internal import COpenSSL
internal import KMSModel

extension PublicKey {
    package enum Components: Sendable {
        /// Big-endian, without leading zeros.
        case rsa(modulus: [UInt8], exponent: [UInt8])
        /// `parameters`: DER OBJECT IDENTIFIER of the curve, for Edwards and Montgomery curves of the algorithm
        /// (RFC 8410). `point`: uncompressed (SEC 1 section 2.3.3), for Edwards and Montgomery curves the bare bytes.
        case ec(parameters: [UInt8], point: [UInt8])
    }

    package func components() throws(CryptoError) -> Components {
        try context.asDefault { () throws(CryptoError) in
            if EVP_PKEY_is_a(pointer, "RSA") == 1 {
                guard let modulus = BigNumber(OSSL_PKEY_PARAM_RSA_N, of: pointer),
                    let exponent = BigNumber(OSSL_PKEY_PARAM_RSA_E, of: pointer)
                else { throw CryptoError("the RSA key has no modulus or exponent") }
                return .rsa(modulus: modulus.bytes, exponent: exponent.bytes)
            }
            if EVP_PKEY_is_a(pointer, "EC") == 1 {
                return .ec(parameters: try curveIdentifier(), point: try uncompressedPoint())
            }
            if let curve = EllipticCurve.ofAlgorithm(of: pointer) {
                return .ec(parameters: try curve.ecParameters(), point: try rawPoint())
            }
            throw CryptoError("neither an RSA nor an EC, EdDSA or X25519/X448 public key")
        }
    }

    /// - Parameter components: RSA numbers may have leading zeros. EC parameters as `EllipticCurve.init(ecParameters:)`
    ///   reads them; the point may be compressed.
    /// - Throws: `CryptoError` when the parts are no valid key, or not one of a size that we know.
    package convenience init(_ components: Components, in context: LibraryContext) throws(CryptoError) {
        let key: OpaquePointer
        switch components {
        case .rsa(let modulus, let exponent):
            key = try PublicKey.rsa(modulus: modulus, exponent: exponent, in: context)
        case .ec(let parameters, let point):
            guard let curve = EllipticCurve(ecParameters: parameters) else {
                throw CryptoError("the EC parameters are not the DER identifier of a curve that is supported")
            }
            key = try PublicKey.onCurve(curve, point: point, in: context)
        }
        self.init(takingOwnership: key, in: context)
        guard KeyBuilding.isPublicKeyValid(pointer, in: context) else {
            throw CryptoError("the parts are not those of a valid public key")
        }
        _ = try kind()
    }

    private static func rsa(
        modulus: [UInt8], exponent: [UInt8], in context: LibraryContext
    ) throws(CryptoError) -> OpaquePointer {
        let modulus = try BigNumber(modulus)
        let exponent = try BigNumber(exponent)
        guard !modulus.isZero, modulus.length <= 2_048, !exponent.isZero, exponent.length <= 4 else {
            throw CryptoError("an RSA key needs a modulus of at most 16384 bits and an exponent of at most 32 bits")
        }
        let parameters = Parameters()
            .add(OSSL_PKEY_PARAM_RSA_N, number: modulus).add(OSSL_PKEY_PARAM_RSA_E, number: exponent)
        guard let key = KeyBuilding.key(ProviderName.rsa, .publicKey, parameters, in: context) else {
            throw CryptoError("OpenSSL does not take modulus and exponent for an RSA key")
        }
        return key
    }

    private static func onCurve(
        _ curve: EllipticCurve, point: [UInt8], in context: LibraryContext
    ) throws(CryptoError) -> OpaquePointer {
        guard let group = curve.openSSLName else {
            let key = context.asDefault {
                EVP_PKEY_new_raw_public_key_ex(context.pointer, curve.algorithmName, nil, point, point.count)
            }
            guard let key else { throw CryptoError("\(point.count) bytes are no public key on \(curve.rawValue)") }
            return key
        }
        let width = (curve.bits + 7) / 8
        let isWellFormed =
            switch point.first {
            case 0x04: point.count == 1 + 2 * width
            case 0x02, 0x03: point.count == 1 + width
            default: false
            }
        let parameters = Parameters()
            .add(OSSL_PKEY_PARAM_GROUP_NAME, text: group).add(OSSL_PKEY_PARAM_PUB_KEY, bytes: point)
        guard isWellFormed, let key = KeyBuilding.key(ProviderName.ec, .publicKey, parameters, in: context) else {
            throw CryptoError("not a compressed or uncompressed point on \(curve.rawValue)")
        }
        return key
    }

    /// Not from OSSL_PKEY_PARAM_PUB_KEY: where the host's OpenSSL has an engine for EC, the key is an engine's in spite of
    /// our own context, and that parameter is then always compressed. Few programs but OpenSSL's can read such a point.
    private func uncompressedPoint() throws(CryptoError) -> [UInt8] {
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = EVP_PKEY_get1_encoded_public_key(pointer, &encoded)
        defer { CRYPTO_free(encoded, nil, 0) }
        guard let encoded, count > 0, encoded[0] == 0x04 else { throw CryptoError("the key's point cannot be read") }
        return Array(UnsafeBufferPointer(start: encoded, count: count))
    }

    private func rawPoint() throws(CryptoError) -> [UInt8] {
        var point = [UInt8](repeating: 0, count: 64)
        var count = point.count
        guard EVP_PKEY_get_raw_public_key(pointer, &point, &count) == 1 else {
            throw CryptoError("the key's point cannot be read")
        }
        return Array(point.prefix(count))
    }

    /// Of any named curve, also of those that are not supported otherwise.
    private func curveIdentifier() throws(CryptoError) -> [UInt8] {
        var name = [CChar](repeating: 0, count: 80)
        var count = 0
        guard EVP_PKEY_get_utf8_string_param(pointer, OSSL_PKEY_PARAM_GROUP_NAME, &name, name.count, &count) == 1,
            let object = OBJ_txt2obj(name, 0)
        else { throw CryptoError("the key has no named curve") }
        defer { ASN1_OBJECT_free(object) }
        return try DER.encode("the curve's object identifier") { i2d_ASN1_OBJECT(object, $0) }
    }
}

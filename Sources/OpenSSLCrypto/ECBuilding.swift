internal import COpenSSL
internal import KMSModel
internal import KMSSupport

/// A private key on a curve from its scalar; the public half is computed.
enum ECBuilding {
    /// - Returns: a key that the caller owns and still has to check.
    static func key(
        _ curve: EllipticCurve, scalar: Secret, in context: LibraryContext
    ) throws(CryptoError) -> OpaquePointer {
        let key =
            if let group = curve.openSSLName {
                try weierstrass(curve, group: group, scalar: scalar, in: context)
            } else {
                context.asDefault {
                    scalar.withBytes {
                        EVP_PKEY_new_raw_private_key_ex(
                            context.pointer, curve.algorithmName, nil, $0.bytes, $0.count)
                    }
                }
            }
        guard let key else { throw CryptoError("\(scalar.count) bytes are no private key on \(curve.rawValue)") }
        return key
    }

    private static func weierstrass(
        _ curve: EllipticCurve, group: String, scalar: Secret, in context: LibraryContext
    ) throws(CryptoError) -> OpaquePointer? {
        let width = (curve.bits + 7) / 8
        let number = try BigNumber(scalar)
        guard scalar.count <= width, !number.isZero,
            let point = context.asDefault({ publicPoint(group, number, in: context) })
        else { return nil }
        let parameters = Parameters()
            .add(OSSL_PKEY_PARAM_GROUP_NAME, text: group).add(OSSL_PKEY_PARAM_PUB_KEY, bytes: point)
            .add(OSSL_PKEY_PARAM_PRIV_KEY, number: number, width: width)
        return KeyBuilding.key(ProviderName.ec, .keyPair, parameters, in: context)
    }

    /// The scalar times the curve's generator, uncompressed; EVP_PKEY_fromdata does not compute it.
    private static func publicPoint(_ name: String, _ scalar: BigNumber, in context: LibraryContext) -> [UInt8]? {
        guard let scratch = BN_CTX_secure_new_ex(context.pointer) else { return nil }
        defer { BN_CTX_free(scratch) }
        guard let group = EC_GROUP_new_by_curve_name_ex(context.pointer, nil, OBJ_txt2nid(name)) else { return nil }
        defer { EC_GROUP_free(group) }
        guard let point = EC_POINT_new(group) else { return nil }
        defer { EC_POINT_free(point) }
        var bytes = [UInt8](repeating: 0, count: 1 + 2 * 66)
        guard EC_POINT_mul(group, point, scalar.pointer, nil, nil, scratch) == 1 else { return nil }
        let count = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, &bytes, bytes.count, scratch)
        return count > 1 ? Array(bytes.prefix(count)) : nil
    }
}

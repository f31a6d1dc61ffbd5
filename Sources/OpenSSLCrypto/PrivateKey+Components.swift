internal import COpenSSL
package import KMSModel
package import KMSSupport

extension PrivateKey {
    package enum Components: Sendable {
        case rsa(RSA)
        /// Weierstrass: as wide as the curve's order. Edwards and Montgomery: the bytes of RFC 8410's CurvePrivateKey.
        case ec(curve: EllipticCurve, scalar: Secret)
    }

    /// The numbers of PKCS #1 section A.1.2, big-endian. Only the first three must be there.
    package struct RSA: Sendable {
        package var modulus: [UInt8]
        package var publicExponent: [UInt8]
        package var privateExponent: Secret
        package var prime1: Secret?
        package var prime2: Secret?
        /// d mod (p - 1).
        package var exponent1: Secret?
        /// d mod (q - 1).
        package var exponent2: Secret?
        /// The inverse of q mod p.
        package var coefficient: Secret?

        package init(
            modulus: [UInt8], publicExponent: [UInt8], privateExponent: Secret, prime1: Secret? = nil,
            prime2: Secret? = nil, exponent1: Secret? = nil, exponent2: Secret? = nil, coefficient: Secret? = nil
        ) {
            self.modulus = modulus
            self.publicExponent = publicExponent
            self.privateExponent = privateExponent
            self.prime1 = prime1
            self.prime2 = prime2
            self.exponent1 = exponent1
            self.exponent2 = exponent2
            self.coefficient = coefficient
        }
    }

    /// RSA numbers are without leading zeros.
    package func components() throws(CryptoError) -> Components {
        try context.asDefault { () throws(CryptoError) in
            switch kind {
            case .rsa: .rsa(try rsa())
            case .ec(let curve): .ec(curve: curve, scalar: try scalar(on: curve))
            }
        }
    }

    /// - Parameter components: the scalar of a Weierstrass curve and the numbers of RSA may be shorter or have leading
    ///   zeros; those of the other curves have their exact length. An RSA key without primes works but for `der()` and
    ///   `pkcs8()`; with one prime or both the other numbers are completed.
    /// - Throws: `CryptoError` when the parts do not fit together.
    package convenience init(_ components: Components, in context: LibraryContext) throws(CryptoError) {
        let key =
            switch components {
            case .rsa(let numbers): try RSABuilding.key(numbers, in: context)
            case .ec(let curve, let scalar): try ECBuilding.key(curve, scalar: scalar, in: context)
            }
        try self.init(takingOwnership: key, in: context)
        guard isConsistent() else { throw CryptoError("the parts of the private key do not fit together") }
    }

    private func rsa() throws(CryptoError) -> RSA {
        guard let modulus = BigNumber(OSSL_PKEY_PARAM_RSA_N, of: pointer),
            let publicExponent = BigNumber(OSSL_PKEY_PARAM_RSA_E, of: pointer),
            let privateExponent = BigNumber(OSSL_PKEY_PARAM_RSA_D, of: pointer)
        else { throw CryptoError("the RSA key is not complete") }
        return RSA(
            modulus: modulus.bytes, publicExponent: publicExponent.bytes,
            privateExponent: try privateExponent.secret(),
            prime1: try BigNumber(COPENSSL_RSA_FACTOR1, of: pointer)?.secret(),
            prime2: try BigNumber(COPENSSL_RSA_FACTOR2, of: pointer)?.secret(),
            exponent1: try BigNumber(COPENSSL_RSA_EXPONENT1, of: pointer)?.secret(),
            exponent2: try BigNumber(COPENSSL_RSA_EXPONENT2, of: pointer)?.secret(),
            coefficient: try BigNumber(COPENSSL_RSA_COEFFICIENT1, of: pointer)?.secret())
    }

    private func scalar(on curve: EllipticCurve) throws(CryptoError) -> Secret {
        guard curve.family != .weierstrass else {
            guard let scalar = BigNumber(OSSL_PKEY_PARAM_PRIV_KEY, of: pointer) else {
                throw CryptoError("the EC key has no private half")
            }
            return try scalar.secret(width: (curve.bits + 7) / 8)
        }
        var bytes = [UInt8](repeating: 0, count: 64)
        defer { bytes.withUnsafeMutableBytes { Secret.wipe($0) } }
        var count = bytes.count
        guard EVP_PKEY_get_raw_private_key(pointer, &bytes, &count) == 1 else {
            throw CryptoError("the \(curve.rawValue) key has no private half")
        }
        return bytes.withUnsafeBytes { Secret(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
    }
}

internal import COpenSSL
internal import KMSModel
internal import KMSSupport

extension PrivateKey {
    /// Whether the parts of the key fit together: primes, exponents and public half (RSA), point and scalar (EC).
    ///
    /// Costs tens of milliseconds for RSA, so it is done when a key comes in and not when it is loaded.
    package func isConsistent() -> Bool {
        guard hasPrimes else { return KeyBuilding.isPublicKeyValid(pointer, in: context) && undoesItself() }
        let result = context.asDefault { () -> Int32 in
            guard let check = EVP_PKEY_CTX_new_from_pkey(context.pointer, pointer, nil) else { return 0 }
            defer { EVP_PKEY_CTX_free(check) }
            return EVP_PKEY_check(check)
        }
        if case .rsa = kind, result == KeyBuilding.cannotCheck { return undoesItself() }
        return KeyBuilding.isPassed(result)
    }

    /// False only for an RSA key that came as modulus and exponents alone.
    var hasPrimes: Bool {
        guard case .rsa = kind else { return true }
        return context.asDefault { BigNumber(COPENSSL_RSA_FACTOR1, of: pointer) != nil }
    }

    /// OpenSSL's check needs the primes, and its own method for the key. Else a random number, encrypted and decrypted,
    /// has to do.
    private func undoesItself() -> Bool {
        let size = Int(EVP_PKEY_get_size(pointer))
        guard size >= 64, let random = try? Random.bytes(size - 1, in: context) else { return false }
        let number = Secret([0] + random)
        guard let publicKey = try? PublicKey(subjectPublicKeyInfo: subjectPublicKeyInfo(), in: context),
            let encrypted = try? publicKey.encrypt(number, padding: .raw),
            let decrypted = try? decrypt(encrypted, padding: .raw)
        else { return false }
        return decrypted.equals(number)
    }
}

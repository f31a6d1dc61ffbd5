internal import COpenSSL
package import KMSSupport

/// Keys from keys (HKDF), from shared secrets (X9.63) and from passwords (scrypt).
package enum KeyDerivation {
    /// Costs of scrypt (RFC 7914); memory is 128 · 2^logN · r bytes.
    package struct ScryptCost: Sendable, Equatable {
        package var logN: Int
        package var r: Int
        package var p: Int

        package init(logN: Int, r: Int, p: Int) {
            self.logN = logN
            self.r = r
            self.p = p
        }
    }

    /// scrypt: 32 bytes.
    package static func scrypt(
        _ password: Secret, salt: [UInt8], cost: ScryptCost, in context: LibraryContext
    ) throws(CryptoError) -> Secret {
        guard (10...20).contains(cost.logN), (1...32).contains(cost.r), (1...16).contains(cost.p) else {
            throw CryptoError("scrypt costs out of range")
        }
        var output = [UInt8](repeating: 0, count: 32)
        let done = password.withBytes { password in
            password.withMemoryRebound(to: CChar.self) { password in
                EVP_PBE_scrypt_ex(
                    password.baseAddress, password.count, salt, salt.count, 1 << UInt64(cost.logN), UInt64(cost.r),
                    UInt64(cost.p), 1 << 30, &output, output.count, context.pointer, nil)
            }
        }
        guard done == 1 else { throw CryptoError("scrypt failed") }
        return Secret(copying: &output)
    }
}

internal import FoundationEssentials
package import KMSSupport
package import OpenSSLCrypto

/// scrypt hashes of users' passwords, in the usual text form `$scrypt$ln=15,r=8,p=1$salt$hash`.
package enum PasswordHash {
    /// 32 MiB and about a tenth of a second.
    package static var cost: KeyDerivation.ScryptCost { .init(logN: 15, r: 8, p: 1) }

    package static func make(_ password: Secret, in context: LibraryContext) throws(CryptoError) -> String {
        let salt = try Random.bytes(16, in: context)
        let hash = try KeyDerivation.scrypt(password, salt: salt, cost: cost, in: context)
        let encoded = hash.withBytes { Data($0).base64EncodedString() }
        return "$scrypt$\(cost.text)$\(Data(salt).base64EncodedString())$\(encoded)"
    }

    /// Takes as long for a wrong password as for the right one. false also for a text that is not such a hash.
    package static func matches(
        _ password: Secret, _ text: String, in context: LibraryContext
    ) throws(CryptoError) -> Bool {
        let fields = text.split(separator: "$").map(String.init)
        guard fields.count == 4, fields[0] == "scrypt", let cost = KeyDerivation.ScryptCost(text: fields[1]),
            let salt = Data(base64Encoded: fields[2]), let hash = Data(base64Encoded: fields[3])
        else { return false }
        return try KeyDerivation.scrypt(password, salt: Array(salt), cost: cost, in: context).equals(Secret(hash))
    }
}

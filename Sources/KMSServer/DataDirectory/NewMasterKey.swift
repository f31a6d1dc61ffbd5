package import KMSSupport
internal import OpenSSLCrypto

/// How a new master key comes into being and where it is kept.
package enum NewMasterKey: Sendable {
    /// Made at random, kept in a file as it is.
    case file
    /// 64 hexadecimal digits of the operator's, from the variable of that name, kept nowhere.
    case variable(Secret, name: String)
    /// Made at random, kept in a file under a passphrase.
    case passphrase(Secret)

    func key(in context: LibraryContext) throws -> MasterKey {
        guard case .variable(let digits, let name) = self else { return try MasterKey.generate(in: context) }
        guard let key = digits.withBytes({ MasterKey(text: $0) }) else {
            throw StartError(
                "\(name) is not a master key: expected 64 hexadecimal digits, as openssl rand -hex 32 prints them")
        }
        return key
    }

    /// Content of the file with the master key; nil when there is none.
    func text(of key: MasterKey, in context: LibraryContext) throws -> Secret? {
        switch self {
        case .file: key.text
        case .variable: nil
        case .passphrase(let passphrase): try WrappedMasterKey(key, passphrase: passphrase, in: context).text
        }
    }
}

/// A message authentication code, independent of any KMS's spelling.
package enum MACAlgorithm: Sendable, Equatable {
    /// RFC 2104, with keys of type HMAC or SECRET.
    case hmac(HashAlgorithm)
    /// NIST SP 800-38B, with keys of type AES or DES3.
    case cmac

    /// Length of the whole code in bytes.
    ///
    /// - Parameter keyType: decides for CMAC, whose code is as long as a block of the cipher.
    package func length(keyType: ObjectType) -> Int {
        switch self {
        case .hmac(let hash): hash.length
        case .cmac: keyType == .des3 || keyType == .des ? 8 : 16
        }
    }
}

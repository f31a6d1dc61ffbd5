package import KMSSupport

/// A key for many HMAC-SHA256 codes: what belongs to the key alone is computed once.
package final class HMACKey: @unchecked Sendable {
    // @unchecked: it is only ever copied.
    private let keyed: MessageAuthentication

    package init(_ key: Secret, in context: LibraryContext) throws(CryptoError) {
        keyed = try MessageAuthentication(.hmac(.sha256), keyType: .hmac, key: key, in: context)
    }

    /// The code over all parts, one after the other.
    package func code(_ parts: [UInt8]...) throws(CryptoError) -> [UInt8] {
        let operation = try keyed.copy()
        for part in parts { try part.withBytes { bytes throws(CryptoError) in try operation.update(bytes) } }
        return try operation.finish()
    }
}

internal import CPKCS11
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// A digest under way, in this process.
final class DigestOperation: @unchecked Sendable {
    // @unchecked: one thread at a time, see Operations.swift.

    /// OpenSSL gives no state of a digest away, so C_GetOperationState saves the data itself, as long as it is short.
    static var longestState: Int { 64 << 10 }

    let mechanism: CK_MECHANISM_TYPE
    private let digest: Digest
    let outputLength: Int
    /// nil: more than can be saved.
    private(set) var data: [UInt8]? = []

    init(_ mechanism: CK_MECHANISM_TYPE, _ hash: HashAlgorithm, in context: LibraryContext) throws(CKError) {
        self.mechanism = mechanism
        outputLength = hash.length
        digest = try CKError.failing { () throws(CryptoError) in try Digest(hash, in: context) }
    }

    deinit { data?.withUnsafeMutableBytes { Secret.wipe($0) } }

    func update(_ bytes: UnsafeRawBufferPointer) throws(CKError) {
        try CKError.failing { () throws(CryptoError) in try digest.update(bytes) }
        guard let kept = data?.count else { return }
        if bytes.count <= DigestOperation.longestState - kept {
            data?.append(contentsOf: bytes)
        } else {
            data?.withUnsafeMutableBytes { Secret.wipe($0) }
            data = nil
        }
    }

    func finish() throws(CKError) -> [UInt8] {
        try CKError.failing { () throws(CryptoError) in try digest.finish() }
    }
}

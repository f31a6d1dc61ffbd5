internal import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// Encryption with a public RSA key, in this process, and decryption with the private one, at the KMS. Parts are
/// collected: RSA takes one block.
final class RSACiphering: Ciphering, @unchecked Sendable {
    // @unchecked: one thread at a time, see Operations.swift.
    private let key: KeyInUse
    private let cipher: Cipher
    private let publicKey: PublicKey?
    /// Of the modulus, in bytes.
    private let size: Int
    private var block: [UInt8] = []
    private var result: [UInt8]?

    init(_ direction: CipherDirection, _ cipher: Cipher, _ key: KeyInUse) throws(CKError) {
        self.key = key
        self.cipher = cipher
        publicKey = direction == .encrypt ? try key.publicKey() : nil
        size = (key.facts.bits + 7) / 8
    }

    deinit {
        block.withUnsafeMutableBytes { Secret.wipe($0) }
        result?.withUnsafeMutableBytes { Secret.wipe($0) }
    }

    func bound(all count: Int) -> Int { size }
    func bound(adding count: Int) -> Int { 0 }
    func required(adding count: Int) -> Int { 0 }

    func update(_ bytes: UnsafeRawBufferPointer, room: Int) throws(CKError) -> [UInt8] {
        guard bytes.count <= size - block.count else { throw tooLong }
        block.append(contentsOf: bytes)
        return []
    }

    func finish() throws(CKError) -> [UInt8] {
        if let result { return result }
        let value = try block.withBytes { bytes throws(CKError) in try once(bytes) }
        result = value
        return value
    }

    func once(_ bytes: UnsafeRawBufferPointer) throws(CKError) -> [UInt8] {
        guard case .rsa(let padding, let label) = cipher else { throw CKError(CKR_MECHANISM_INVALID) }
        guard let publicKey else {
            guard bytes.count == size else { throw tooLong }
            let plaintext = try key.decrypt(Ciphertext(Array(bytes)), cipher).withBytes { Array($0) }
            return padding == .raw ? RSARaw.padded(plaintext, to: size) : plaintext
        }
        guard bytes.count <= padding.longestPlaintext(modulus: size) else { throw tooLong }
        var plaintext = padding == .raw ? RSARaw.padded(Array(bytes), to: size) : Array(bytes)
        let secret = Secret(copying: &plaintext)
        return try CKError.failing(CKR_DATA_INVALID) { () throws(CryptoError) in
            try publicKey.encrypt(secret, padding: padding, label: label)
        }
    }

    private var tooLong: CKError {
        CKError(publicKey == nil ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE)
    }
}

extension Mechanism {
    /// The roles of an RSA encryption.
    ///
    /// - Parameter needs: what the KMS must be able to do to decrypt.
    mutating func setRSACipher(
        needs: Capabilities, wraps: Bool = true,
        _ cipher: @escaping @Sendable (MechanismRequest) throws(CKError) -> Cipher
    ) {
        let makeEncryption: MakeCiphering = { request, key throws(CKError) in
            try RSACiphering(.encrypt, cipher(request), key)
        }
        let makeDecryption: MakeCiphering = { request, key throws(CKError) in
            let cipher = try cipher(request)
            // A KMS has one field for both hashes of OAEP.
            guard key.object.keyID.kind == .local || cipher.hasOneHash else {
                throw CKError(CKR_MECHANISM_PARAM_INVALID)
            }
            return try RSACiphering(.decrypt, cipher, key)
        }
        encrypt = Role(flag: CKF_ENCRYPT, needs: [], make: makeEncryption)
        decrypt = Role(flag: CKF_DECRYPT, needs: needs, make: makeDecryption)
        guard wraps else { return }
        let makeCipher: MakeCipher = { request throws(CKError) in
            let cipher = try cipher(request)
            guard cipher.hasOneHash else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
            return cipher
        }
        wrap = Role(flag: CKF_WRAP, needs: .wrap, make: makeCipher)
        unwrap = Role(flag: CKF_UNWRAP, needs: [.wrap, needs], make: makeCipher)
    }
}

extension RSAPadding {
    /// In bytes (RFC 8017 sections 7.1.1 and 7.2.1).
    func longestPlaintext(modulus size: Int) -> Int {
        switch self {
        case .pkcs1V15: size - 11
        case .oaep(let hash, _): size - 2 * hash.length - 2
        case .raw: size
        }
    }
}

extension Cipher {
    /// OAEP hashes the label and makes its mask with the same hash.
    fileprivate var hasOneHash: Bool {
        guard case .rsa(.oaep(let hash, let mgf), _) = self else { return true }
        return hash == mgf
    }
}

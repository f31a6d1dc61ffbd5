internal import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// What a signature mechanism does around the primitive of the KMS. Knows no HTTP, keeps no state.
protocol SignatureScheme: Sendable {
    /// Length of the signature in bytes, known before anything is signed.
    var outputLength: Int { get }

    /// The digest that the mechanism makes of the data itself; nil: the data is the digest, or holds it.
    var digest: HashAlgorithm? { get }

    /// Whether a signature to be verified may have this length in bytes.
    func accepts(signatureLength: Int) -> Bool

    /// The longest data in bytes of a mechanism that does not hash.
    var longestData: Int { get }

    /// Turns the data of C_Sign, or its digest where the mechanism hashes, into what the KMS signs.
    func prepare(_ data: [UInt8]) throws(CKError) -> (algorithm: SigningAlgorithm, input: [UInt8])

    /// Turns the KMS's signature into the standard's form.
    func finish(_ signature: [UInt8]) throws(CKError) -> [UInt8]

    /// And the standard's form into what OpenSSL verifies.
    func encoded(_ signature: [UInt8]) throws(CKError) -> [UInt8]

    /// Signs data that the KMS has no name for, where there is a way.
    func signUnprepared(_ data: [UInt8], _ key: KeyInUse) throws(CKError) -> [UInt8]?

    /// - Returns: nil when `prepare` and `encoded` say all that is needed.
    func verifyUnprepared(_ data: [UInt8], _ signature: [UInt8], _ key: PublicKey) throws(CKError) -> Bool?
}

extension SignatureScheme {
    /// A block; no key signs more.
    var longestData: Int { 1_024 }

    func encoded(_ signature: [UInt8]) throws(CKError) -> [UInt8] { signature }
    func accepts(signatureLength: Int) -> Bool { signatureLength == outputLength }

    /// The usual check of what came from the KMS.
    func finish(_ signature: [UInt8]) throws(CKError) -> [UInt8] {
        guard signature.count == outputLength else {
            Log.error("the KMS's signature has \(signature.count) bytes instead of \(outputLength)")
            throw CKError(CKR_DEVICE_ERROR)
        }
        return signature
    }

    func signUnprepared(_ data: [UInt8], _ key: KeyInUse) throws(CKError) -> [UInt8]? { nil }
    func verifyUnprepared(_ data: [UInt8], _ signature: [UInt8], _ key: PublicKey) throws(CKError) -> Bool? { nil }
}

extension SignatureScheme {
    /// - Parameter value: the data, or its digest where the mechanism hashes.
    func isValid(_ signature: [UInt8], over value: [UInt8], _ key: PublicKey) throws(CKError) -> Bool {
        if let result = try verifyUnprepared(value, signature, key) { return result }
        let (algorithm, input) = try prepare(value)
        let encoded = try encoded(signature)
        return try CKError.failing { () throws(CryptoError) in
            try key.verify(input, signature: encoded, algorithm: algorithm)
        }
    }
}

/// The data of a signature or its check, hashed as it comes where the mechanism hashes.
struct SignedData {
    private let digest: Digest?
    private var block: [UInt8] = []
    private let limit: Int

    init(_ scheme: any SignatureScheme, in context: LibraryContext) throws(CKError) {
        limit = scheme.longestData
        if let hash = scheme.digest {
            digest = try CKError.failing { () throws(CryptoError) in try Digest(hash, in: context) }
        } else {
            digest = nil
        }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) throws(CKError) {
        if let digest {
            try CKError.failing { () throws(CryptoError) in try digest.update(bytes) }
        } else {
            guard bytes.count <= limit - block.count else { throw CKError(CKR_DATA_LEN_RANGE) }
            block.append(contentsOf: bytes)
        }
    }

    func value() throws(CKError) -> [UInt8] {
        guard let digest else { return block }
        return try CKError.failing { () throws(CryptoError) in try digest.finish() }
    }
}

/// A signature with a private key.
final class SchemeSigning: Signing, @unchecked Sendable {
    // @unchecked: one thread at a time, see Operations.swift.
    private let scheme: any SignatureScheme
    private let key: KeyInUse
    @exclusivity(unchecked) private var data: SignedData

    init(_ scheme: any SignatureScheme, _ key: KeyInUse) throws(CKError) {
        self.scheme = scheme
        self.key = key
        data = try SignedData(scheme, in: key.token.context)
    }

    var outputLength: Int { scheme.outputLength }

    func update(_ bytes: UnsafeRawBufferPointer) throws(CKError) { try data.update(bytes) }

    func finish() throws(CKError) -> [UInt8] {
        let value = try data.value()
        let signature = try sign(value)
        try key.token.signatureCheck.check(signature, over: value, by: key, scheme)
        return signature
    }

    private func sign(_ value: [UInt8]) throws(CKError) -> [UInt8] {
        if let signature = try scheme.signUnprepared(value, key) { return signature }
        let (algorithm, input) = try scheme.prepare(value)
        return try scheme.finish(key.sign(input, algorithm))
    }
}

/// A check with a public key: in this process, without the KMS.
final class SchemeVerifying: Verifying, @unchecked Sendable {
    // @unchecked: one thread at a time, see Operations.swift.
    private let scheme: any SignatureScheme
    private let publicKey: PublicKey
    private var data: SignedData

    init(_ scheme: any SignatureScheme, _ key: KeyInUse) throws(CKError) {
        self.scheme = scheme
        publicKey = try key.publicKey()
        data = try SignedData(scheme, in: key.token.context)
    }

    func update(_ bytes: UnsafeRawBufferPointer) throws(CKError) { try data.update(bytes) }

    func finish(signature: [UInt8]) throws(CKError) {
        guard scheme.accepts(signatureLength: signature.count) else { throw CKError(CKR_SIGNATURE_LEN_RANGE) }
        guard try scheme.isValid(signature, over: try data.value(), publicKey) else {
            throw CKError(CKR_SIGNATURE_INVALID)
        }
    }

    func recover(signature: [UInt8]) throws(CKError) -> [UInt8] {
        guard signature.count == scheme.outputLength else { throw CKError(CKR_SIGNATURE_LEN_RANGE) }
        guard let recovering = scheme as? any RecoveringScheme else { throw CKError(CKR_MECHANISM_INVALID) }
        let data = try CKError.failing { () throws(CryptoError) in
            try publicKey.recover(signature, padding: recovering.padding)
        }
        guard let data else { throw CKError(CKR_SIGNATURE_INVALID) }
        return data
    }
}

/// A scheme whose signature holds its data.
protocol RecoveringScheme: SignatureScheme {
    var padding: RSAPadding { get }
}

extension Mechanism {
    /// The roles of a signature scheme: signing at the KMS, verification here.
    mutating func setSignature(
        needs: Capabilities, recovers: Bool = false,
        _ scheme: @escaping @Sendable (MechanismRequest, KeyInUse) throws(CKError) -> any SignatureScheme
    ) {
        let makeSigning: MakeSigning = { request, key throws(CKError) in
            try SchemeSigning(scheme(request, key), key)
        }
        let makeVerifying: MakeVerifying = { request, key throws(CKError) in
            try SchemeVerifying(scheme(request, key), key)
        }
        sign = Role(flag: CKF_SIGN, needs: needs, make: makeSigning)
        verify = Role(flag: CKF_VERIFY, needs: [], make: makeVerifying)
        messages = CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY
        guard recovers else { return }
        signRecover = Role(flag: CKF_SIGN_RECOVER, needs: needs, make: makeSigning)
        verifyRecover = Role(flag: CKF_VERIFY_RECOVER, needs: [], make: makeVerifying)
    }
}

/// The sizes of keys, in bits, that this token has mechanisms for.
enum KeySizes {
    static var rsa: ClosedRange<Int> { 2_048...4_096 }
    static var ec: ClosedRange<Int> { 224...521 }
    /// Montgomery curves too. The standard counts 255 bits for the smaller ones.
    static var edwards: ClosedRange<Int> { 255...448 }
}

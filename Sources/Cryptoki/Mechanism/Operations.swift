internal import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

// What a session's operations do between C_…Init and their end. Each belongs to one session and is out of it while a
// call works with it, so that one thread at a time has it.

/// A signature or MAC under way.
protocol Signing: AnyObject, Sendable {
    /// In bytes, known before anything is signed.
    var outputLength: Int { get }
    func update(_ bytes: UnsafeRawBufferPointer) throws(CKError)
    /// The one round trip.
    func finish() throws(CKError) -> [UInt8]
}

/// A check of a signature or MAC under way.
protocol Verifying: AnyObject, Sendable {
    func update(_ bytes: UnsafeRawBufferPointer) throws(CKError)
    /// - Throws: CKR_SIGNATURE_INVALID, CKR_SIGNATURE_LEN_RANGE.
    func finish(signature: [UInt8]) throws(CKError)
    /// C_VerifyRecover: the data that was signed.
    func recover(signature: [UInt8]) throws(CKError) -> [UInt8]
}

extension Verifying {
    func recover(signature: [UInt8]) throws(CKError) -> [UInt8] { throw CKError(CKR_MECHANISM_INVALID) }
}

/// An encryption or decryption under way.
protocol Ciphering: AnyObject, Sendable {
    /// The most that `count` more bytes and the end will give, in bytes.
    func bound(all count: Int) -> Int
    /// The most that `count` more bytes will give now.
    func bound(adding count: Int) -> Int
    /// The room without which `update` cannot take these bytes. What an operation holds back it can hand out later.
    func required(adding count: Int) -> Int
    /// - Parameter room: how much the caller can take; the rest comes with a later call.
    func update(_ bytes: UnsafeRawBufferPointer, room: Int) throws(CKError) -> [UInt8]
    /// The rest. Repeatable: after a call whose answer did not fit it gives the same once more.
    func finish() throws(CKError) -> [UInt8]
    /// Everything at once. Leaves the operation as it was, so that a caller whose buffer was too small may come again.
    func once(_ bytes: UnsafeRawBufferPointer) throws(CKError) -> [UInt8]
}

/// A key of an operation, with the token that has it.
struct KeyInUse: Sendable {
    let object: Object
    let facts: Object.KeyFacts
    let token: Token

    /// Whether the private half is asked for what only it can do. CKA_ALWAYS_AUTHENTICATE asks for the PIN each time.
    var needsAuthentication: Bool { object.alwaysAuthenticates }

    func sign(_ input: [UInt8], _ algorithm: SigningAlgorithm) throws(CKError) -> [UInt8] {
        try token.perform(
            "C_Sign with key \"\(object.label)\"", .operation(invalid: CKR_DATA_INVALID), on: object.keyID
        ) { (backend, deadline) throws(BackendError) in
            try backend.sign(input, with: algorithm, key: object.keyID, deadline: deadline)
        }
    }

    func mac(_ message: [UInt8], _ algorithm: MACAlgorithm) throws(CKError) -> [UInt8] {
        let mac = try token.perform(
            "C_Sign with key \"\(object.label)\"", .operation(invalid: CKR_DATA_INVALID), on: object.keyID
        ) { (backend, deadline) throws(BackendError) in
            try backend.mac(message, with: algorithm, key: object.keyID, deadline: deadline)
        }
        guard mac.count == algorithm.length(keyType: facts.type) else { throw CKError(CKR_DEVICE_ERROR) }
        return mac
    }

    func verifyMAC(_ mac: [UInt8], of message: [UInt8], _ algorithm: MACAlgorithm) throws(CKError) -> Bool {
        try token.perform(
            "C_Verify with key \"\(object.label)\"", .operation(invalid: CKR_DATA_INVALID), on: object.keyID
        ) { (backend, deadline) throws(BackendError) in
            try backend.verifyMAC(mac, of: message, with: algorithm, key: object.keyID, deadline: deadline)
        }
    }

    func encrypt(_ plaintext: Secret, _ cipher: Cipher) throws(CKError) -> Ciphertext {
        try token.perform(
            "C_Encrypt with key \"\(object.label)\"", .operation(invalid: CKR_DATA_INVALID), on: object.keyID
        ) { (backend, deadline) throws(BackendError) in
            try backend.encrypt(plaintext, with: cipher, key: object.keyID, deadline: deadline)
        }
    }

    func decrypt(_ ciphertext: Ciphertext, _ cipher: Cipher) throws(CKError) -> Secret {
        try token.perform(
            "C_Decrypt with key \"\(object.label)\"", .operation(invalid: CKR_ENCRYPTED_DATA_INVALID),
            on: object.keyID
        ) { (backend, deadline) throws(BackendError) in
            try backend.decrypt(ciphertext, with: cipher, key: object.keyID, deadline: deadline)
        }
    }

    /// The public half, for what is done in this process.
    func publicKey() throws(CKError) -> PublicKey {
        guard let info = object.attributes.value(CKA_PUBLIC_KEY_INFO) else { throw CKError(CKR_KEY_TYPE_INCONSISTENT) }
        do throws(CryptoError) {
            return try PublicKey(subjectPublicKeyInfo: info, in: token.context)
        } catch {
            throw CKError(CKR_FUNCTION_FAILED)
        }
    }
}

extension CKError {
    /// For what OpenSSL does in this process and what has no reason to fail.
    static func failing<Result>(
        _ rv: CK_RV = CKR_FUNCTION_FAILED, _ body: () throws(CryptoError) -> Result
    ) throws(CKError) -> Result {
        do throws(CryptoError) {
            return try body()
        } catch {
            throw CKError(rv)
        }
    }
}

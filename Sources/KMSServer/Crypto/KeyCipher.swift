package import FoundationEssentials
internal import KMSModel
package import KMSSupport
package import OpenSSLCrypto

/// Encryption and decryption all at once, for requests to encrypt and decrypt as well as to wrap and unwrap.
package struct KeyCipher: Sendable {
    package struct Encrypted: Sendable {
        package var cipher: [UInt8]
        /// nil in modes without one.
        package var iv: [UInt8]?
        package var tag: [UInt8]?
    }

    package let method: CipherRules.Method
    private let key: LoadedKey
    private let fields: CipherFields
    private let context: LibraryContext

    /// - Throws: `KMSError` when key and fields do not go together.
    package init(
        _ direction: CipherRules.Direction, with key: LoadedKey, _ fields: CipherFields, in context: LibraryContext
    ) throws {
        method = try CipherRules.method(direction, with: key, fields)
        self.key = key
        self.fields = fields
        self.context = context
    }

    /// - Parameter field: what the request calls the plaintext.
    package func encrypt(_ plaintext: Secret, field: String) throws -> Encrypted {
        switch method {
        case .rsa(let padding):
            let (publicKey, label) = try rsa(padding)
            let limit = RSALimits.plaintext(padding, modulus: (publicKey.bits + 7) / 8)
            guard plaintext.count <= limit else {
                throw KMSError.badRequest(
                    "Field \"\(field)\" has \(plaintext.count) bytes; this key and mode take at most \(limit)")
            }
            return Encrypted(cipher: try publicKey.encrypt(plaintext, padding: padding, label: label))
        case .symmetric(let type, let mode, let secret):
            let parameters = try CipherParameters(type, mode, fields, makesIV: true, in: context)
            try fields.refuse([.tag], for: "an encryption")
            let tagLength = mode == .gcm ? try CipherParameters.tagLength(bits: fields.tagLen) : 16
            try CipherParameters.checkInput(plaintext.count, field, .encrypt, type, mode)
            let (cipher, tag) = try SymmetricCipher.encrypt(
                plaintext, type, mode, key: secret, iv: parameters.iv, associatedData: parameters.associatedData,
                tagLength: tagLength, in: context)
            return Encrypted(
                cipher: cipher, iv: parameters.iv.isEmpty ? nil : parameters.iv, tag: mode == .gcm ? tag : nil)
        }
    }

    /// - Parameter field: what the request calls the ciphertext.
    /// - Throws: `KMSError` 400 with one and the same sentence, whatever is wrong with a ciphertext of a legal length.
    package func decrypt(_ ciphertext: Data, field: String) throws -> Secret {
        switch method {
        case .rsa(let padding):
            let (publicKey, label) = try rsa(padding)
            guard let privateKey = key.privateKey else { throw KMSError.badRequest("The object has no private key") }
            let modulus = (publicKey.bits + 7) / 8
            guard ciphertext.count == modulus else {
                throw KMSError.badRequest(
                    "Field \"\(field)\" has \(ciphertext.count) bytes; this key makes \(modulus)")
            }
            return try KeyCipher.attempt(.decrypt) {
                try privateKey.decrypt(Array(ciphertext), padding: padding, label: label)
            }
        case .symmetric(let type, let mode, let secret):
            let parameters = try CipherParameters(type, mode, fields, makesIV: false, in: context)
            try fields.refuse([.tagLen], for: "a decryption")
            let tag = mode == .gcm ? try CipherParameters.tag(fields) : []
            try CipherParameters.checkInput(ciphertext.count, field, .decrypt, type, mode)
            return try KeyCipher.attempt(.decrypt) {
                try SymmetricCipher.decrypt(
                    Array(ciphertext), type, mode, key: secret, iv: parameters.iv,
                    associatedData: parameters.associatedData, tag: tag, in: context)
            }
        }
    }

    /// Turns OpenSSL's refusal of an input into the answer.
    static func attempt<Value>(_ direction: CipherRules.Direction, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as CryptoError {
            switch direction {
            case .encrypt: throw KMSError.badRequest("Encryption failed: \(error.description)")
            case .decrypt:
                throw KMSError.badRequest(
                    "Decryption failed: the ciphertext is damaged, or key, mode or another parameter is not the right "
                        + "one")
            }
        }
    }

    private func rsa(_ padding: RSAPadding) throws(KMSError) -> (PublicKey, label: [UInt8]) {
        try fields.refuse([.iv, .ad, .tag, .tagLen], for: "RSA")
        guard let publicKey = key.publicKey else { throw .badRequest("The object has no public key") }
        guard case .oaep = padding else {
            try fields.refuse([.label], for: "this padding: only OAEP has labels")
            return (publicKey, [])
        }
        return (publicKey, fields.label.map(Array.init) ?? [])
    }
}

/// RFC 8017: how much fits under a padding.
private enum RSALimits {
    /// In bytes.
    static func plaintext(_ padding: RSAPadding, modulus: Int) -> Int {
        switch padding {
        case .pkcs1V15: modulus - 11
        case .oaep(let hash, _): modulus - 2 * hash.length - 2
        case .raw: modulus
        }
    }
}

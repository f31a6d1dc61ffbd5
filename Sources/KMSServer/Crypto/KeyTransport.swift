internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// What is wrapped, and what may come out of a wrapped key.
enum KeyTransport {
    /// The bytes to encrypt: a symmetric key as it is, a private key in DER.
    static func bytes(
        of subject: StoredValue, as format: KeyFormat?, for method: CipherRules.Method, in context: LibraryContext
    ) throws -> Secret {
        let type = subject.object.objType
        guard let secret = subject.secret else {
            throw KMSError.badRequest(
                subject.object.state == .destroyed
                    ? KMSError.noMaterial.message
                    : "Field \"subject\": public keys and certificates are not wrapped; export them")
        }
        guard type.isAsymmetric else {
            guard format != .pkcs8 else {
                throw KMSError.badRequest(
                    "Field \"key_format\": Pkcs8 is for private keys, and this is \(type.rawValue)")
            }
            return secret
        }
        try check(type, for: method)
        guard format == .pkcs8 else { return secret }
        return try PrivateKey(der: secret, in: context).pkcs8()
    }

    /// - Parameter type: of the key inside.
    /// - Throws: 400 when no such key goes into what the method makes.
    static func check(_ type: ObjectType?, for method: CipherRules.Method) throws(KMSError) {
        switch type {
        case .rsa?, .ec?:
            if case .rsa = method {
                throw .badRequest("Private keys are wrapped and unwrapped by AES and DES3 keys only")
            }
        case .aes?, .des3?, .hmac?, .secret?, .opaque?: break
        case nil: throw .badRequest("Field \"obj_type\" is missing")
        case .certificate?, .des?, .other?:
            throw .badRequest("Field \"obj_type\": only AES, DES3, HMAC, SECRET, OPAQUE, RSA and EC can be unwrapped")
        }
    }

    /// Checks unwrapped bytes as an import would.
    ///
    /// Where nothing authenticates the wrapped key, an answer that tells what is wrong with the bytes inside would tell
    /// about the bytes: it is that of a decryption that failed.
    static func material(
        _ value: Secret, _ request: SobjectRequest, _ method: CipherRules.Method, in context: LibraryContext
    ) throws -> KeyMaterial {
        do {
            guard !value.isEmpty else { throw KMSError.badRequest("Field \"wrapped_key\" holds nothing") }
            let material = try KeyMaterial.read(value, request, in: context)
            guard !material.isPublicOnly else {
                throw KMSError.badRequest("Field \"wrapped_key\" holds a public key; import it with PUT")
            }
            return material
        } catch let error as KMSError {
            return try KeyCipher.attempt(.decrypt) {
                guard method.isAuthenticated else { throw CryptoError("no key inside") }
                throw KMSError(error.status, error.message.replacing("\"value\"", with: "\"wrapped_key\""))
            }
        }
    }
}

extension CipherRules.Method {
    /// Whether a wrapped key that decrypts is one that was made by somebody who knows the key.
    fileprivate var isAuthenticated: Bool {
        switch self {
        case .rsa(.oaep): true
        case .rsa(.pkcs1V15), .rsa(.raw): false
        case .symmetric(_, let mode, _):
            switch mode {
            case .gcm, .kw, .kwp: true
            case .ecb, .cbc, .cbcNoPad, .ctr: false
            }
        }
    }
}

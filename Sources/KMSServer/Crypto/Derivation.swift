internal import FoundationEssentials
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// A key out of another one: HKDF, or the encryption of given bytes.
struct Derivation: Sendable {
    private enum Method {
        case hkdf(HashAlgorithm, salt: [UInt8], info: [UInt8], Secret)
        case encryption(KeyCipher, Secret)
    }

    private let method: Method
    /// Of the new key, in bytes.
    private let length: Int
    private let context: LibraryContext

    /// - Parameter wanted: the new object; its size and type are needed.
    init(
        _ mechanism: DerivationMechanism, of key: LoadedKey, _ wanted: SobjectRequest, in context: LibraryContext
    ) throws {
        guard let bits = wanted.keySize else {
            throw KMSError.badRequest("Field \"key_size\" is missing: the size of the new key, in bits")
        }
        length = try KeySizes.bytes(wanted.objType ?? .secret, bits: bits)
        self.context = context
        switch (mechanism.hkdf, mechanism.encryptData) {
        case (let hkdf?, nil): method = try Derivation.hkdf(hkdf, key, length)
        case (nil, let request?): method = try Derivation.encryption(request, key, length, in: context)
        default:
            throw KMSError.badRequest(
                "Field \"mechanism\" must be exactly one of {\"hkdf\":…} and {\"encrypt_data\":…}")
        }
    }

    /// The request for the new object, which must be a symmetric key.
    static func object(_ request: SobjectRequest, _ type: ObjectType) throws(KMSError) -> SobjectRequest {
        guard [.aes, .hmac, .secret].contains(type) else {
            throw .badRequest("Field \"key_type\" must be AES, HMAC or SECRET")
        }
        guard request.objType == nil || request.objType == type else {
            throw .badRequest("The fields \"obj_type\" and \"key_type\" differ; leave \"obj_type\" out")
        }
        var request = request
        request.objType = type
        return request
    }

    var label: String {
        switch method {
        case .hkdf(let hash, _, _, _): "HKDF \(hash.rawValue)"
        case .encryption(let cipher, _): cipher.method.label
        }
    }

    func run() throws -> Secret {
        switch method {
        case .hkdf(let hash, let salt, let info, let secret):
            return try KeyDerivation.hkdf(
                secret, hash, .extractAndExpand, salt: salt, info: info, length: length, in: context)
        case .encryption(let cipher, let plaintext):
            var bytes = try cipher.encrypt(plaintext, field: "mechanism.encrypt_data.plain").cipher
            let key = Secret(copying: &bytes)
            guard key.count == length else {
                throw KMSError.badRequest(
                    "Field \"key_size\" asks for \(length) bytes, but the encrypted data has \(key.count)")
            }
            return key
        }
    }

    private static func hkdf(
        _ request: DerivationMechanism.HKDF, _ key: LoadedKey, _ length: Int
    ) throws(KMSError) -> Method {
        guard [.aes, .hmac, .secret].contains(key.object.objType) else {
            throw .badRequest("HKDF needs an AES, HMAC or SECRET key, and this is \(key.object.objType.rawValue)")
        }
        guard let secret = key.secret else {
            throw .badRequest("The object has no key material, or one that is too long for a key")
        }
        let hash = request.hashAlg
        guard hash != .ssl3 else { throw .badRequest("Field \"mechanism.hkdf.hash_alg\": HKDF cannot use SSL3") }
        guard request.info?.count ?? 0 <= 1024 else {
            throw .badRequest("Field \"mechanism.hkdf.info\" is longer than 1024 bytes")
        }
        guard length <= 255 * hash.length else {
            throw .badRequest("Field \"key_size\": HKDF with \(hash.rawValue) makes at most \(255 * hash.length) bytes")
        }
        return .hkdf(hash, salt: Array(request.salt ?? Data()), info: Array(request.info ?? Data()), secret)
    }

    /// No IV is made up here, since the answer would not tell it and nobody could derive the key again. A mode with a
    /// tag or an integrity check value makes no keys: it would lose the one or give away the other.
    private static func encryption(
        _ request: EncryptRequest, _ key: LoadedKey, _ length: Int, in context: LibraryContext
    ) throws -> Method {
        guard [.aes, .des3].contains(key.object.objType) else {
            throw KMSError.badRequest(
                "encrypt_data needs an AES or DES3 key, and this is \(key.object.objType.rawValue)")
        }
        guard case .symmetric(let mode)? = request.mode, [.ecb, .cbc, .cbcNoPad, .ctr].contains(mode) else {
            throw KMSError.badRequest(
                "Field \"mechanism.encrypt_data.mode\" must be ECB, CBC, CBCNOPAD or CTR to derive a key")
        }
        guard request.key == nil else {
            throw KMSError.badRequest("Field \"mechanism.encrypt_data.key\": the key is named outside; leave it out")
        }
        guard !mode.needsIV || request.iv != nil else {
            throw KMSError.badRequest("Field \"mechanism.encrypt_data.iv\" is missing; \(mode.rawValue) needs it")
        }
        let cipher = try KeyCipher(.encrypt, with: key, CipherFields(request), in: context)
        return .encryption(cipher, Secret(request.plain))
    }
}

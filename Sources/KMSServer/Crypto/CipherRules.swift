package import KMSModel
package import KMSSupport
package import OpenSSLCrypto

/// Decides by key, policy and mode how something is encrypted or decrypted, or says in a sentence why not.
package enum CipherRules {
    package typealias Direction = SymmetricCipher.Direction

    package enum Method: Sendable {
        case rsa(RSAPadding)
        /// With the key's bytes.
        case symmetric(ObjectType, CipherMode, Secret)

        /// For the audit log.
        package var label: String {
            switch self {
            case .rsa(.pkcs1V15): "RSA PKCS1_V15"
            case .rsa(.oaep(let hash, _)): "RSA OAEP \(hash.rawValue)"
            case .rsa(.raw): "RSA RAW_DECRYPT"
            case .symmetric(let type, let mode, _): "\(type.rawValue) \(mode.rawValue)"
            }
        }
    }

    package static func method(
        _ direction: Direction, with key: LoadedKey, _ fields: CipherFields
    ) throws(KMSError) -> Method {
        let type = key.object.objType
        // A certificate encrypts with the key that it certifies.
        let algorithm = type == .certificate ? (try? key.publicKey?.kind())?.objectType ?? type : type
        if let wanted = fields.alg, wanted != algorithm {
            throw .badRequest("Field \"alg\" says \(wanted.rawValue), but the key is of type \(algorithm.rawValue)")
        }
        switch algorithm {
        case .rsa:
            return .rsa(try padding(direction, fields.mode, key.object.rsa?.encryptionPolicy))
        case .aes, .des3:
            guard let secret = key.secret else { throw .badRequest("The object has no key material") }
            return .symmetric(algorithm, try mode(algorithm, fields.mode), secret)
        case .ec, .hmac, .secret, .opaque, .certificate, .des, .other:
            throw .badRequest("An object of type \(algorithm.rawValue) cannot encrypt or decrypt")
        }
    }

    private static func mode(_ type: ObjectType, _ mode: EncryptionMode?) throws(KMSError) -> CipherMode {
        let possible: [CipherMode] = type == .des3 ? [.ecb, .cbc, .cbcNoPad] : CipherMode.allCases
        let names = possible.map(\.rawValue).joined(separator: ", ")
        guard let mode else { throw .badRequest("Field \"mode\" is missing; use one of \(names)") }
        guard case .symmetric(let mode) = mode, possible.contains(mode) else {
            throw .badRequest("Field \"mode\" is not possible with \(type.rawValue); use one of \(names)")
        }
        return mode
    }

    private static func padding(
        _ direction: Direction, _ mode: EncryptionMode?, _ policy: [RSAOptions.Policy]?
    ) throws(KMSError) -> RSAPadding {
        let padding: RSAPadding
        switch try PaddingPolicy(policy, of: .encryption).mode(mode) {
        case .oaep(let hash): padding = .oaep(hash: hash ?? .sha256, mgf: hash ?? .sha256)
        case .pkcs1V15: padding = .pkcs1V15
        // Symmetric modes were refused.
        case .rawDecrypt, .symmetric: padding = .raw
        }
        if case .oaep(.ssl3, _) = padding { throw .badRequest("Field \"mode\": OAEP cannot use SSL3") }
        guard padding != .raw || direction == .decrypt else {
            throw .badRequest("Field \"mode\": RAW_DECRYPT is for decryption only")
        }
        return padding
    }
}

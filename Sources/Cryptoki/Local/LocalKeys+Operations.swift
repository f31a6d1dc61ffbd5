package import KMSBackend
package import KMSModel
package import KMSSupport
internal import OpenSSLCrypto

extension LocalKeys {
    private func privateKey(_ key: KeyID) throws(BackendError) -> PrivateKey {
        guard case .privateKey(let key) = try entry(key).material else {
            throw BackendError(.invalid, "not a private key")
        }
        return key
    }

    private func secret(_ key: KeyID) throws(BackendError) -> Secret {
        guard case .secret(let value) = try entry(key).material else {
            throw BackendError(.invalid, "not a secret key")
        }
        return value
    }

    package func sign(
        _ input: [UInt8], with algorithm: SigningAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> [UInt8] {
        let key = try privateKey(key)
        return try crypto { () throws(CryptoError) in try key.sign(input, algorithm: algorithm) }
    }

    package func encrypt(
        _ plaintext: Secret, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Ciphertext {
        switch cipher {
        case .symmetric(let type, let mode, let iv, let associatedData, let tagLength):
            let key = try secret(key)
            return try crypto { () throws(CryptoError) in
                let result = try SymmetricCipher.encrypt(
                    plaintext, type, mode, key: key, iv: iv, associatedData: associatedData,
                    tagLength: mode == .gcm ? tagLength : 16, in: context)
                return Ciphertext(result.ciphertext, tag: result.tag)
            }
        case .rsa(let padding, let label):
            let info = try publicKey(key)
            return try crypto { () throws(CryptoError) in
                let key = try PublicKey(subjectPublicKeyInfo: info, in: context)
                return Ciphertext(try key.encrypt(plaintext, padding: padding, label: label))
            }
        }
    }

    private func publicKey(_ key: KeyID) throws(BackendError) -> [UInt8] {
        guard let info = try entry(key).description.publicKey else {
            throw BackendError(.invalid, "the key has no public half")
        }
        return info
    }

    package func decrypt(
        _ ciphertext: Ciphertext, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Secret {
        switch cipher {
        case .symmetric(let type, let mode, let iv, let associatedData, _):
            let key = try secret(key)
            return try crypto { () throws(CryptoError) in
                try SymmetricCipher.decrypt(
                    ciphertext.bytes, type, mode, key: key, iv: iv, associatedData: associatedData,
                    tag: ciphertext.tag, in: context)
            }
        case .rsa(let padding, let label):
            let key = try privateKey(key)
            return try crypto { () throws(CryptoError) in
                try key.decrypt(ciphertext.bytes, padding: padding, label: label)
            }
        }
    }

    package func stream(
        _ direction: CipherDirection, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> any CipherStream {
        guard case .symmetric(let type, let mode, let iv, let associatedData, let tagLength) = cipher else {
            throw BackendError(.unsupported, "RSA has no parts")
        }
        let key = try secret(key)
        return try crypto { () throws(CryptoError) in
            LocalCipherStream(
                try SymmetricCipher(
                    direction == .encrypt ? .encrypt : .decrypt, type, mode, key: key, iv: iv,
                    associatedData: associatedData, tagLength: mode == .gcm ? tagLength : 16, in: context),
                hasTag: mode == .gcm, isEncrypting: direction == .encrypt)
        }
    }

    package func mac(
        _ message: [UInt8], with algorithm: MACAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> [UInt8] {
        let value = try secret(key)
        let type = try entry(key).description.type
        return try crypto { () throws(CryptoError) in
            try MessageAuthentication.code(message, algorithm, keyType: type, key: value, in: context)
        }
    }

    package func verifyMAC(
        _ mac: [UInt8], of message: [UInt8], with algorithm: MACAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Bool {
        Secret(try self.mac(message, with: algorithm, key: key, deadline: deadline)).equals(Secret(mac))
    }

    // MARK: Keys by keys

    package func wrap(
        _ subject: KeyID, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Ciphertext {
        let value: Secret
        switch try entry(subject).material {
        case .secret(let secret), .bytes(let secret): value = secret
        case .publicKey: throw BackendError(.invalid, "public keys are not wrapped")
        case .privateKey(let key): value = try crypto { () throws(CryptoError) in try key.pkcs8() }
        }
        return try encrypt(value, with: cipher, key: key, deadline: deadline)
    }

    package func unwrap(
        _ wrapped: Ciphertext, with cipher: Cipher, key: KeyID, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        let value = try decrypt(wrapped, with: cipher, key: key, deadline: deadline)
        return try importKey(specification, value: value, deadline: deadline)
    }

    package func agree(
        _ key: KeyID, with peer: KeyID, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        let key = try privateKey(key)
        let info = try publicKey(peer)
        let secret = try crypto { () throws(CryptoError) in
            try key.agree(with: PublicKey(subjectPublicKeyInfo: info, in: context))
        }
        return try importKey(specification, value: secret, deadline: deadline)
    }

    package func derive(
        _ key: KeyID, by derivation: Derivation, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        let value: Secret
        switch derivation {
        case .hkdf(let hash, let salt, let info):
            let base = try secret(key)
            value = try crypto { () throws(CryptoError) in
                try KeyDerivation.hkdf(
                    base, hash, .extractAndExpand, salt: salt, info: info, length: (specification.bits ?? 0) / 8,
                    in: context)
            }
        case .encrypt(let cipher, let data):
            value = Secret(try encrypt(Secret(data), with: cipher, key: key, deadline: deadline).bytes)
        }
        return try importKey(specification, value: value, deadline: deadline)
    }
}

private final class LocalCipherStream: CipherStream, @unchecked Sendable {
    // @unchecked: one thread at a time, as the protocol says.
    private let cipher: SymmetricCipher
    private let hasTag: Bool
    private let isEncrypting: Bool

    init(_ cipher: SymmetricCipher, hasTag: Bool, isEncrypting: Bool) {
        self.cipher = cipher
        self.hasTag = hasTag
        self.isEncrypting = isEncrypting
    }

    func update(_ bytes: [UInt8], deadline: Deadline) throws(BackendError) -> [UInt8] {
        try converting { () throws(CryptoError) in
            try bytes.withBytes { buffer throws(CryptoError) in try cipher.update(buffer) }
        }
    }

    func finish(tag: [UInt8], deadline: Deadline) throws(BackendError) -> Ciphertext {
        try converting { () throws(CryptoError) in
            guard hasTag else { return Ciphertext(try cipher.finish()) }
            guard isEncrypting else { return Ciphertext(try cipher.finish(tag: tag)) }
            let rest = try cipher.finish()
            return Ciphertext(rest, tag: try cipher.tag())
        }
    }

    private func converting<Result>(_ body: () throws(CryptoError) -> Result) throws(BackendError) -> Result {
        do throws(CryptoError) {
            return try body()
        } catch {
            throw BackendError(.invalid, error.description)
        }
    }
}

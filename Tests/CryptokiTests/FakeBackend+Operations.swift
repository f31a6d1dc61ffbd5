import KMSBackend
import KMSModel
import KMSSupport

// What the keys of the fake KMS do: `material` does the work, after the permissions are checked as a KMS checks them.
extension FakeBackend {
    func sign(
        _ input: [UInt8], with algorithm: SigningAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> [UInt8] {
        state.withLock { $0.signatures.append((input, algorithm)) }
        try enter(.sign)
        if let signature = state.withLock({ $0.signature }) { return signature }
        try require(.sign, of: key)
        return try material.sign(input, with: algorithm, key: key, deadline: deadline)
    }

    func encrypt(
        _ plaintext: Secret, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Ciphertext {
        try enter(.encrypt)
        try require(.encrypt, of: key)
        return try material.encrypt(plaintext, with: cipher, key: key, deadline: deadline)
    }

    func decrypt(
        _ ciphertext: Ciphertext, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Secret {
        try enter(.decrypt)
        try require(.decrypt, of: key)
        return try material.decrypt(ciphertext, with: cipher, key: key, deadline: deadline)
    }

    func stream(
        _ direction: CipherDirection, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> any CipherStream {
        try enter(.stream)
        try require(direction == .encrypt ? .encrypt : .decrypt, of: key)
        return FakeStream(
            try material.stream(direction, with: cipher, key: key, deadline: deadline), backend: self)
    }

    func mac(
        _ message: [UInt8], with algorithm: MACAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> [UInt8] {
        try enter(.mac)
        try require(.macGenerate, of: key)
        return try material.mac(message, with: algorithm, key: key, deadline: deadline)
    }

    func verifyMAC(
        _ mac: [UInt8], of message: [UInt8], with algorithm: MACAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Bool {
        try enter(.verifyMAC)
        try require(.macVerify, of: key)
        return try material.verifyMAC(mac, of: message, with: algorithm, key: key, deadline: deadline)
    }

    func wrap(
        _ subject: KeyID, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Ciphertext {
        try enter(.wrap)
        try require(.export, of: subject)
        try require(.wrapKey, of: key)
        return try material.wrap(subject, with: cipher, key: key, deadline: deadline)
    }

    func unwrap(
        _ wrapped: Ciphertext, with cipher: Cipher, key: KeyID, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        try enter(.unwrap)
        try require(.unwrapKey, of: key)
        try requireFreeName(specification)
        // A KMS calls its own what it has unwrapped, and so with what it derived.
        return try keep(
            try material.unwrap(wrapped, with: cipher, key: key, as: specification, deadline: deadline), specification,
            isLocal: true)
    }

    func agree(
        _ key: KeyID, with peer: KeyID, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        try enter(.agree)
        try require(.agreeKey, of: key)
        try requireFreeName(specification)
        return try keep(
            try material.agree(key, with: peer, as: specification, deadline: deadline), specification, isLocal: true)
    }

    func derive(
        _ key: KeyID, by derivation: Derivation, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        try enter(.derive)
        try require(.deriveKey, of: key)
        try requireFreeName(specification)
        return try keep(
            try material.derive(key, by: derivation, as: specification, deadline: deadline), specification,
            isLocal: true)
    }
}

private final class FakeStream: CipherStream {
    private let stream: any CipherStream
    private let backend: FakeBackend

    init(_ stream: any CipherStream, backend: FakeBackend) {
        self.stream = stream
        self.backend = backend
    }

    func update(_ bytes: [UInt8], deadline: Deadline) throws(BackendError) -> [UInt8] {
        backend.state.withLock { $0.pieces.append(bytes.count) }
        try backend.enter(.streamUpdate)
        return try stream.update(bytes, deadline: deadline)
    }

    func finish(tag: [UInt8], deadline: Deadline) throws(BackendError) -> Ciphertext {
        try backend.enter(.streamFinish)
        return try stream.finish(tag: tag, deadline: deadline)
    }
}

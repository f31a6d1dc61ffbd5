package import KMSModel
package import KMSSupport

// What a KMS cannot do unless its backend says otherwise.
extension Backend {
    private func refusal(_ what: String) -> BackendError { BackendError(.unsupported, "this KMS cannot \(what)") }

    package func signOut(deadline: Deadline) {}

    package func health(deadline: Deadline) throws(BackendError) { throw refusal("be asked for its health") }

    package func describe(_ key: KeyID, deadline: Deadline) throws(BackendError) -> KeyDescription {
        throw refusal("describe a single key")
    }

    package func generate(
        _ specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        throw refusal("generate keys")
    }

    package func importKey(
        _ specification: KeySpecification, value: Secret, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        throw refusal("import keys")
    }

    package func update(
        _ key: KeyID, _ changes: KeyChanges, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        throw refusal("change keys")
    }

    package func copy(
        _ key: KeyID, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        throw refusal("copy keys")
    }

    package func delete(_ key: KeyID, deadline: Deadline) throws(BackendError) { throw refusal("delete keys") }

    package func deletePrivateHalf(_ key: KeyID, deadline: Deadline) throws(BackendError) {
        throw refusal("delete the private half of a key pair")
    }

    package func export(_ key: KeyID, deadline: Deadline) throws(BackendError) -> Secret {
        throw refusal("export keys")
    }

    package func sign(
        _ input: [UInt8], with algorithm: SigningAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> [UInt8] {
        throw refusal("sign")
    }

    package func encrypt(
        _ plaintext: Secret, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Ciphertext {
        throw refusal("encrypt")
    }

    package func decrypt(
        _ ciphertext: Ciphertext, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Secret {
        throw refusal("decrypt")
    }

    package func stream(
        _ direction: CipherDirection, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> any CipherStream {
        throw refusal("encrypt or decrypt in parts")
    }

    package func mac(
        _ message: [UInt8], with algorithm: MACAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> [UInt8] {
        throw refusal("make MACs")
    }

    package func verifyMAC(
        _ mac: [UInt8], of message: [UInt8], with algorithm: MACAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Bool {
        throw refusal("verify MACs")
    }

    package func wrap(
        _ subject: KeyID, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Ciphertext {
        throw refusal("wrap keys")
    }

    package func unwrap(
        _ wrapped: Ciphertext, with cipher: Cipher, key: KeyID, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        throw refusal("unwrap keys")
    }

    package func agree(
        _ key: KeyID, with peer: KeyID, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        throw refusal("agree on keys")
    }

    package func derive(
        _ key: KeyID, by derivation: Derivation, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        throw refusal("derive keys")
    }
}

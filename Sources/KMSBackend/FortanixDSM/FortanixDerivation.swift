internal import FoundationEssentials
internal import KMSModel
package import KMSSupport
internal import KMSTransport

extension FortanixDSM {
    /// POST /crypto/v1/agree.
    package func agree(
        _ key: KeyID, with peer: KeyID, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        let doing = "agree on a key"
        let request = AgreeKeyRequest(
            privateKey: try SobjectDescriptor(key, doing: doing), publicKey: try SobjectDescriptor(peer, doing: doing),
            keyType: specification.type, object: try SobjectRequest(sized: specification, doing: doing))
        let call = FortanixCall(path: "/crypto/v1/agree", doing: doing, isRepeatable: specification.isTransient)
        let sobject = try session.call(call, request, as: Sobject.self, deadline: deadline)
        return try derived(sobject, as: specification, doing: doing, deadline: deadline)
    }

    /// POST /crypto/v1/derive.
    package func derive(
        _ key: KeyID, by derivation: Derivation, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        let doing = "derive a key"
        var call = FortanixCall(path: "/crypto/v1/derive", doing: doing, isRepeatable: specification.isTransient)
        let mechanism: DerivationMechanism
        switch derivation {
        case .hkdf(let hash, let salt, let info):
            // RFC 5869: no salt and an empty one are the same.
            mechanism = DerivationMechanism(
                hkdf: DerivationMechanism.HKDF(
                    hashAlg: hash, info: info.isEmpty ? nil : Data(info), salt: salt.isEmpty ? nil : Data(salt)))
        case .encrypt(let cipher, let data):
            let fields = try FortanixCipherFields(cipher, .encrypt, doing: doing)
            mechanism = DerivationMechanism(encryptData: EncryptRequest(fields, plain: Data(data)))
            call.secrets = [Secret(data)]
        }
        let request = DeriveKeyRequest(
            key: try SobjectDescriptor(key, doing: doing), keyType: specification.type, mechanism: mechanism,
            object: try SobjectRequest(sized: specification, doing: doing))
        let sobject = try session.call(call, request, as: Sobject.self, deadline: deadline)
        return try derived(sobject, as: specification, doing: doing, deadline: deadline)
    }

    /// The size of what was made is the caller's choice, unlike that of an unwrapped key.
    private func derived(
        _ sobject: Sobject, as specification: KeySpecification, doing: String, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        if let bits = sobject.keySize, let wanted = specification.wireBits, bits != wanted {
            throw BackendError(
                .protocolViolation, "\(doing): the KMS made a key of \(bits) bits instead of \(wanted)")
        }
        return try made(sobject, as: specification, doing: doing, deadline: deadline)
    }
}

extension SobjectRequest {
    /// The type travels beside it, as `key_type`.
    fileprivate init(sized specification: KeySpecification, doing: String) throws(BackendError) {
        try self.init(specification, doing: doing)
        guard let bits = specification.wireBits, bits > 0 else {
            throw BackendError(.invalid, "\(doing): the size of the new key is not said")
        }
        keySize = bits
    }
}

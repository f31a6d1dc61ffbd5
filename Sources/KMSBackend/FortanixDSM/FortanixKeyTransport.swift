internal import FoundationEssentials
internal import KMSModel
package import KMSSupport
internal import KMSTransport

extension FortanixDSM {
    /// POST /crypto/v1/wrapkey. The subject is looked at first: only of an asymmetric key the format may be said.
    package func wrap(
        _ subject: KeyID, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Ciphertext {
        let doing = "wrap \(subject)"
        let fields = try FortanixCipherFields(cipher, .encrypt, doing: doing)
        let wrapper = try SobjectDescriptor(key, doing: doing)
        let sobject = try sobject(subject, doing: doing, deadline: deadline)
        var request = WrapKeyRequest(
            key: wrapper, subject: try SobjectDescriptor(subject, doing: doing), alg: fields.alg, mode: fields.mode)
        request.iv = fields.iv
        request.ad = fields.ad
        request.tagLen = fields.tagLen
        request.label = fields.label
        switch sobject.objType {
        case .rsa, .ec:
            guard !sobject.publicOnly else {
                throw BackendError(.invalid, "\(doing): it is a public key, which is not to be wrapped")
            }
            request.keyFormat = .pkcs8
        case .aes, .des, .des3, .hmac, .secret, .opaque, .certificate, .other: break
        }
        let call = FortanixCall(path: "/crypto/v1/wrapkey", doing: doing)
        let answer = try session.call(call, request, as: WrapKeyResponse.self, deadline: deadline)
        try fields.check(iv: answer.iv, doing: doing)
        guard !answer.wrappedKey.isEmpty else {
            throw BackendError(.protocolViolation, "\(doing): the KMS's answer has no wrapped key")
        }
        return Ciphertext(Array(answer.wrappedKey), tag: try fields.tag(answer.tag, doing: doing))
    }

    /// POST /crypto/v1/unwrapkey. Size and curve are those of what comes out.
    package func unwrap(
        _ wrapped: Ciphertext, with cipher: Cipher, key: KeyID, as specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        let doing = "unwrap a key"
        let fields = try FortanixCipherFields(cipher, .decrypt, doing: doing)
        try fields.check(tag: wrapped.tag, doing: doing)
        var object = try SobjectRequest(specification, doing: doing)
        object.objType = specification.type
        object.allowAnyPadding(of: specification)
        var request = UnwrapKeyRequest(
            key: try SobjectDescriptor(key, doing: doing), alg: fields.alg, mode: fields.mode,
            wrappedKey: Data(wrapped.bytes), object: object)
        request.iv = fields.iv
        request.ad = fields.ad
        request.tag = wrapped.tag.isEmpty ? nil : Data(wrapped.tag)
        request.label = fields.label
        let call = FortanixCall(path: "/crypto/v1/unwrapkey", doing: doing, isRepeatable: specification.isTransient)
        let sobject = try session.call(call, request, as: Sobject.self, deadline: deadline)
        return try made(sobject, as: specification, doing: doing, deadline: deadline)
    }
}

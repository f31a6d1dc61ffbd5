internal import FoundationEssentials
internal import KMSModel
package import KMSSupport
internal import KMSTransport

extension FortanixDSM {
    /// Bytes that one request may carry; more goes in parts, where the mode has them. The API does not tell its limit;
    /// the official command line tool draws the line here.
    static var largestPart: Int { 358_400 }

    /// POST /crypto/v1/encrypt.
    package func encrypt(
        _ plaintext: Secret, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Ciphertext {
        if plaintext.count > FortanixDSM.largestPart, cipher.isMultiPart {
            var bytes = plaintext.withBytes { Array($0) }
            defer { bytes.withUnsafeMutableBytes { Secret.wipe($0) } }
            let stream = try stream(.encrypt, with: cipher, key: key, deadline: deadline)
            let start = try stream.update(bytes, deadline: deadline)
            let end = try stream.finish(tag: [], deadline: deadline)
            return Ciphertext(start + end.bytes, tag: end.tag)
        }
        let doing = "encrypt"
        let fields = try FortanixCipherFields(cipher, .encrypt, doing: doing)
        var request = EncryptRequest(fields, plain: Data(plaintext))
        defer { request.plain.wipe() }
        request.key = try SobjectDescriptor(key, doing: doing)
        let call = FortanixCall(path: "/crypto/v1/encrypt", doing: doing, secrets: [plaintext])
        let answer = try session.call(call, request, as: EncryptResponse.self, deadline: deadline)
        try key.check(answer.kid, doing: doing)
        try fields.check(iv: answer.iv, doing: doing)
        try cipher.check(answer.cipher.count, from: plaintext.count, .encrypt, doing: doing)
        return Ciphertext(Array(answer.cipher), tag: try fields.tag(answer.tag, doing: doing))
    }

    /// POST /crypto/v1/decrypt.
    package func decrypt(
        _ ciphertext: Ciphertext, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Secret {
        if ciphertext.bytes.count > FortanixDSM.largestPart, cipher.isMultiPart {
            let stream = try stream(.decrypt, with: cipher, key: key, deadline: deadline)
            var start = try stream.update(ciphertext.bytes, deadline: deadline)
            defer { start.withUnsafeMutableBytes { Secret.wipe($0) } }
            var end = try stream.finish(tag: ciphertext.tag, deadline: deadline)
            defer { end.bytes.withUnsafeMutableBytes { Secret.wipe($0) } }
            var all: [UInt8] = []
            all.reserveCapacity(start.count + end.bytes.count)
            all += start
            all += end.bytes
            return Secret(copying: &all)
        }
        let doing = "decrypt"
        let fields = try FortanixCipherFields(cipher, .decrypt, doing: doing)
        try fields.check(tag: ciphertext.tag, doing: doing)
        var request = DecryptRequest(
            key: try SobjectDescriptor(key, doing: doing), alg: fields.alg, cipher: Data(ciphertext.bytes),
            mode: fields.mode)
        request.iv = fields.iv
        request.ad = fields.ad
        request.tag = ciphertext.tag.isEmpty ? nil : Data(ciphertext.tag)
        request.label = fields.label
        let call = FortanixCall(path: "/crypto/v1/decrypt", doing: doing)
        var answer = try session.call(call, request, as: DecryptResponse.self, deadline: deadline)
        defer { answer.plain.wipe() }
        try key.check(answer.kid, doing: doing)
        try cipher.check(answer.plain.count, from: ciphertext.bytes.count, .decrypt, doing: doing)
        return Secret(answer.plain)
    }

    /// POST /crypto/v1/encrypt/init or /crypto/v1/decrypt/init.
    package func stream(
        _ direction: CipherDirection, with cipher: Cipher, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> any CipherStream {
        try FortanixCipherStream(direction, cipher, key, session, deadline: deadline)
    }
}

extension EncryptRequest {
    /// Without key, as `derive` has it.
    init(_ fields: FortanixCipherFields, plain: Data) {
        self.init(key: nil, alg: fields.alg, plain: plain, mode: fields.mode)
        iv = fields.iv
        ad = fields.ad
        tagLen = fields.tagLen
        label = fields.label
    }
}

extension FortanixCipherFields {
    /// The tag of what is to be decrypted.
    func check(tag: [UInt8], doing: String) throws(BackendError) {
        guard tag.count == tagLength else {
            throw BackendError(.invalid, "\(doing): a tag of \(tag.count) bytes instead of \(tagLength)")
        }
    }
}

extension Cipher {
    fileprivate var isMultiPart: Bool {
        guard case .symmetric(_, let mode, _, _, _) = self else { return false }
        return mode.isMultiPart
    }

    /// The lengths of an answer and of what it came from.
    func check(_ output: Int, from input: Int, _ direction: CipherDirection, doing: String) throws(BackendError) {
        guard accepts(output, from: input, direction) else {
            throw BackendError(
                .protocolViolation, "\(doing): the KMS made \(output) bytes of \(input), which is wrong for this mode")
        }
    }
}

internal import FoundationEssentials
package import KMSModel
package import KMSSupport
internal import KMSTransport

extension FortanixDSM {
    /// POST /crypto/v1/sign. EdDSA signs the message, which travels as `data`; the hash beside it, which the API wants,
    /// says nothing.
    package func sign(
        _ input: [UInt8], with algorithm: SigningAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> [UInt8] {
        let descriptor = try SobjectDescriptor(key, doing: "sign")
        var call = FortanixCall(path: "/crypto/v1/sign", doing: "sign")
        var body = JSONText(reserving: 256 + input.count / 3 * 4)
        if let hash = algorithm.hash {
            guard input.count == hash.length else {
                throw BackendError(
                    .invalid, "sign: a digest of \(input.count) bytes; \(hash.rawValue) has \(hash.length)")
            }
            body.add("hash", base64: input)
            body.add("hash_alg", hash.rawValue)
        } else {
            body.add("data", base64: input)
            body.add("hash_alg", HashAlgorithm.sha512.rawValue)
            call.secrets = [Secret(input)]
        }
        body.add("key", descriptor)
        if let mode = algorithm.mode { body.add("mode", mode) }
        // Repeatable: a second signature over the same digest harms nobody.
        let answer = try session.call(
            call, json: (consume body).finish(), plain: { ReceivedSignature(plain: $0, expecting: key.text) },
            deadline: deadline)
        guard algorithm.accepts(answer.bytes.count) else {
            throw BackendError(
                .protocolViolation,
                "sign: the KMS's answer has a signature of \(answer.bytes.count) bytes, which is wrong")
        }
        try key.check(answer.kid, doing: "sign")
        return answer.bytes
    }
}

extension SigningAlgorithm {
    /// EC keys have no mode.
    fileprivate var mode: SignatureMode? {
        switch self {
        case .rsaPKCS1: .pkcs1V15
        case .rsaPSS(_, let mgf): .pss(mgf: mgf)
        case .ecdsa, .eddsa: nil
        }
    }

    /// Whether a signature may have so many bytes, as far as can be said without knowing the key.
    fileprivate func accepts(_ length: Int) -> Bool {
        switch self {
        case .rsaPKCS1, .rsaPSS, .ecdsa: length > 0
        // Ed25519, Ed448.
        case .eddsa: length == 64 || length == 114
        }
    }
}

internal import FoundationEssentials
package import KMSModel
package import KMSSupport
internal import KMSTransport

extension FortanixDSM {
    /// POST /crypto/v1/sign.
    package func sign(
        digest: [UInt8], with algorithm: SigningAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> [UInt8] {
        guard digest.count == algorithm.hash.length else {
            throw BackendError(
                .invalid,
                "sign: a digest of \(digest.count) bytes; \(algorithm.hash.rawValue) has \(algorithm.hash.length)")
        }
        let request = SignRequest(
            key: SobjectDescriptor(kid: key.text), hashAlg: algorithm.hash, hash: Data(digest), mode: algorithm.mode)
        // Repeatable: a second signature over the same digest harms nobody.
        let response = try session.perform(
            HTTPRequest(.post, "/crypto/v1/sign", body: try FortanixJSON.encode(request)), doing: "sign",
            deadline: deadline)
        let answer = try FortanixJSON.decode(SignResponse.self, response, doing: "sign")
        guard !answer.signature.isEmpty else {
            throw BackendError(.protocolViolation, "sign: the KMS's answer has an empty signature")
        }
        if let kid = answer.kid, kid.lowercased() != key.text.lowercased() {
            throw BackendError(.protocolViolation, "sign: the KMS used key \(kid.prefix(64)) instead of \(key)")
        }
        return Array(answer.signature)
    }
}

extension SigningAlgorithm {
    /// EC keys have no mode.
    fileprivate var mode: SignatureMode? {
        switch self {
        case .rsaPKCS1: .pkcs1V15
        case .rsaPSS(_, let mgf): .pss(mgf: mgf)
        case .ecdsa: nil
        }
    }
}

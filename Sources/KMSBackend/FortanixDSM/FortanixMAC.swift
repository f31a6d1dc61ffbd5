internal import FoundationEssentials
package import KMSModel
package import KMSSupport
internal import KMSTransport

extension FortanixDSM {
    /// POST /crypto/v1/mac.
    package func mac(
        _ message: [UInt8], with algorithm: MACAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> [UInt8] {
        let request = MACRequest(
            key: try SobjectDescriptor(key, doing: "mac"), alg: try algorithm.hash(doing: "mac"), data: Data(message))
        let call = FortanixCall(path: "/crypto/v1/mac", doing: "mac", secrets: [Secret(message)])
        let answer = try session.call(call, request, as: MACResponse.self, deadline: deadline)
        try key.check(answer.kid, doing: "mac")
        // Old servers say `digest`.
        guard let mac = answer.mac ?? answer.digest, algorithm.accepts(mac.count) else {
            throw BackendError(.protocolViolation, "mac: the KMS's answer has no MAC of the right length")
        }
        return Array(mac)
    }

    /// POST /crypto/v1/macverify.
    package func verifyMAC(
        _ mac: [UInt8], of message: [UInt8], with algorithm: MACAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> Bool {
        let doing = "verify a MAC"
        guard algorithm.accepts(mac.count) else {
            throw BackendError(.invalid, "\(doing): \(mac.count) bytes are not the length of this kind of MAC")
        }
        let request = MACVerifyRequest(
            key: try SobjectDescriptor(key, doing: doing), alg: try algorithm.hash(doing: doing), data: Data(message),
            mac: Data(mac))
        let call = FortanixCall(path: "/crypto/v1/macverify", doing: doing, secrets: [Secret(message)])
        let answer = try session.call(call, request, as: VerifyResponse.self, deadline: deadline)
        try key.check(answer.kid, doing: doing)
        return answer.result
    }
}

extension MACAlgorithm {
    /// `alg`: of an HMAC its hash; a CMAC is asked for by leaving it out.
    fileprivate func hash(doing: String) throws(BackendError) -> HashAlgorithm? {
        switch self {
        case .hmac(.ssl3): throw BackendError(.unsupported, "\(doing): there is no HMAC with MD5 and SHA-1 in one")
        case .hmac(let hash): return hash
        case .cmac: return nil
        }
    }

    /// A CMAC is as long as a block of its key's cipher, which is AES or DES3.
    fileprivate func accepts(_ length: Int) -> Bool {
        switch self {
        case .hmac(let hash): length == hash.length
        case .cmac: length == 16 || length == 8
        }
    }
}

internal import FoundationEssentials
internal import KMSModel
internal import KMSSupport
internal import KMSTransport

extension FortanixDSM {
    /// Writes and reads every JSON type of the API once.
    ///
    /// Swift builds the metadata of generic types when they are first used, under a lock of the runtime that can hang in
    /// a forked child with threads. Done here, before the host forks, the child finds everything built.
    static func warmUp() {
        let algorithms: [SigningAlgorithm] = [
            .rsaPKCS1(.sha256), .rsaPSS(.sha256, mgf: .sha256), .ecdsa(.sha256),
        ]
        let deadline = Deadline(milliseconds: 60_000)
        let backend = FortanixDSM(transport: RehearsalTransport())
        let key = KeyID("00000000-0000-0000-0000-000000000000")
        do throws(BackendError) {
            try backend.authenticate(Secret(RehearsalTransport.apiKey), deadline: deadline)
            let page = try backend.listKeys(matching: KeyQuery(name: "a b"), page: nil, deadline: deadline)
            _ = try backend.listKeys(matching: KeyQuery(), page: page.next, deadline: deadline)
            for algorithm in algorithms {
                let digest = [UInt8](repeating: 0, count: algorithm.hash.length)
                _ = try backend.sign(digest: digest, with: algorithm, key: key, deadline: deadline)
            }
            try backend.health(deadline: deadline)
            let refusal = Array(#"{"message":"none"}"#.utf8)
            throw BackendError(
                HTTPResponse(status: 403, contentType: "application/json", body: refusal), doing: "warm-up",
                hiding: [Secret("Basic none")])
        } catch {
            // The refusal is the last thing that is rehearsed.
            _ = error.description
        }
        backend.signOut(deadline: deadline)
    }
}

/// Answers as a KMS would, so that the rehearsal runs the very code of the performance.
private final class RehearsalTransport: HTTPTransport {
    /// base64 of the nil UUID, a colon and "none".
    static var apiKey: String { "MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwOm5vbmU=" }

    func perform(_ request: HTTPRequest, deadline: Deadline) throws(TransportError) -> HTTPResponse {
        let answer: (status: Int, body: String)
        switch request.path {
        case "/sys/v1/session/auth":
            answer = (200, #"{"token_type":"Bearer","expires_in":600,"access_token":"none","entity_id":"none"}"#)
        case "/crypto/v1/sign":
            answer = (200, #"{"kid":null,"signature":"AAAA"}"#)
        case let path where path.hasPrefix("/crypto/v1/keys"):
            answer = (200, RehearsalTransport.keys)
        default:
            answer = (204, "")
        }
        return HTTPResponse(status: answer.status, contentType: "application/json", body: Array(answer.body.utf8))
    }

    private static var keys: String {
        #"""
        [{"kid":"00000000-0000-0000-0000-000000000000","name":"a","description":"a","obj_type":"RSA","key_size":2048,
          "key_ops":["SIGN"],"enabled":true,"state":"Active","origin":"FortanixHSM","public_only":false,
          "never_exportable":true,"pub_key":"AAAA","group_id":"a","acct_id":"a","creator":{"app":"a"},
          "created_at":"20260102T030405Z","lastused_at":"20260102T030405Z","activation_date":"20260102T030405Z",
          "deactivation_date":"20260102T030405Z","custom_metadata":{"pkcs11-id":"%01"},
          "rsa":{"key_size":2048,"public_exponent":65537,"encryption_policy":[{"padding":{"OAEP":{}}}],
          "signature_policy":[{"padding":null}]}},
         {"kid":"00000000-0000-0000-0000-000000000001","name":"b","obj_type":"EC","elliptic_curve":"NistP256",
          "key_ops":["SIGN"],"enabled":true,"public_only":false},
         {"kid":"00000000-0000-0000-0000-000000000002","obj_type":"CERTIFICATE","key_ops":[],"value":"AAAA"}]
        """#
    }
}

internal import KMSSupport
internal import KMSTransport

/// Answers as a KMS would, so that the rehearsal runs the very code of the performance.
final class RehearsalTransport: HTTPTransport {
    let counters = Counters()
    static var kid: String { "00000000-0000-0000-0000-000000000000" }

    /// base64 of the nil UUID, a colon and "none".
    static var apiKey: String { "MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwOm5vbmU=" }

    func perform(_ request: HTTPRequest, deadline: Deadline) throws(TransportError) -> HTTPResponse {
        let body = answer(to: request)
        return HTTPResponse(
            status: body.isEmpty ? 204 : 200, contentType: "application/json", body: Array(body.utf8))
    }

    private func answer(to request: HTTPRequest) -> String {
        // base64 of 12, 16, 32 and 64 zero bytes.
        let iv = "AAAAAAAAAAAAAAAA"
        let block = "AAAAAAAAAAAAAAAAAAAAAA=="
        let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
        let signature = String(repeating: "A", count: 86) + "=="
        switch request.path {
        case "/sys/v1/session/auth":
            return #"{"token_type":"Bearer","expires_in":600,"access_token":"none","entity_id":"none"}"#
        case "/crypto/v1/sign": return #"{"kid":null,"signature":"\#(signature)"}"#
        case "/crypto/v1/mac": return #"{"kid":null,"mac":"\#(hash)","digest":"\#(hash)"}"#
        case "/crypto/v1/macverify": return #"{"kid":null,"result":true}"#
        case "/crypto/v1/encrypt": return #"{"kid":null,"cipher":"\#(block)","iv":"\#(iv)","tag":"\#(block)"}"#
        case "/crypto/v1/decrypt": return #"{"kid":null,"plain":"\#(block)"}"#
        case "/crypto/v1/wrapkey": return #"{"wrapped_key":"\#(block)","iv":"\#(iv)","tag":"\#(block)"}"#
        case let path where path.hasSuffix("crypt/init"): return #"{"kid":null,"iv":"\#(iv)","state":"AAAA"}"#
        case let path where path.hasSuffix("crypt/update"):
            return #"{"plain":"\#(block)","cipher":"\#(block)","state":"AAAA"}"#
        case let path where path.hasSuffix("crypt/final"): return #"{"plain":"","cipher":"","tag":"\#(block)"}"#
        case let path where path.hasPrefix("/crypto/v1/"):
            switch request.method {
            case .get: return RehearsalTransport.list
            case .delete: return ""
            case .post, .put, .patch: return RehearsalTransport.key
            }
        default: return ""
        }
    }

    private static var list: String {
        #"""
        [\#(key),
         {"kid":"00000000-0000-0000-0000-000000000001","name":"b","obj_type":"EC","elliptic_curve":"NistP256",
          "key_ops":["SIGN"],"enabled":true,"public_only":false},
         {"kid":"00000000-0000-0000-0000-000000000002","obj_type":"CERTIFICATE","key_ops":[]}]
        """#
    }

    private static var key: String {
        #"""
        {"kid":"\#(kid)","transient_key":"AAAA","name":"a","description":"a","obj_type":"RSA","key_size":2048,
         "key_ops":["SIGN"],"enabled":true,"state":"Active","origin":"FortanixHSM","public_only":false,
         "never_exportable":true,"pub_key":"AAAA","value":"AAAA","group_id":"a","acct_id":"a","creator":{"app":"a"},
         "created_at":"20260102T030405Z","lastused_at":"20260102T030405Z","activation_date":"20260102T030405Z",
         "deactivation_date":"20260102T030405Z","compromise_date":"20260102T030405Z",
         "destruction_date":"20260102T030405Z","custom_metadata":{"pkcs11-id":"%01","pkcs11-label":"a"},
         "rsa":{"key_size":2048,"public_exponent":65537,"encryption_policy":[
         {"padding":{"OAEP":{"mgf":{"mgf1":{"hash":"SHA256"}}}}}],"signature_policy":[{"padding":null}]},"links":{"copiedFrom":"a","copiedTo":["a"]},"kcv":"000000"}
        """#
    }
}

import KMSBackend
import KMSModel
import KMSSupport
import Testing

struct FortanixMACTests {
    private let code = [UInt8](repeating: 3, count: 32)

    @Test(arguments: ["mac", "digest"])
    func readsTheNewFieldAndTheOld(field: String) throws {
        let transport = kms { [code] _, _ in answer(200, #"{"kid":"k","\#(field)":"\#(base64(code))"}"#) }
        let mac = try signedIn(transport).mac([1, 2, 3], with: .hmac(.sha256), key: KeyID("k"), deadline: soon)
        #expect(mac == code)
        #expect(try transport.lastBody() == JSON(#"{"key":{"kid":"k"},"alg":"SHA256","data":"AQID"}"#))
        #expect(transport.trace == ["POST /crypto/v1/mac"])
    }

    @Test func aCMACIsAskedForWithoutAHash() throws {
        let transport = kms { _, _ in answer(200, #"{"mac":"\#(base64([UInt8](repeating: 1, count: 16)))"}"#) }
        #expect(try signedIn(transport).mac([], with: .cmac, key: KeyID("k"), deadline: soon).count == 16)
        #expect(try transport.lastBody() == JSON(#"{"key":{"kid":"k"},"data":""}"#))
    }

    @Test(arguments: ["{}", #"{"mac":"AQID"}"#, #"{"mac":""}"#])
    func aWrongAnswerIsAProtocolViolation(body: String) throws {
        for algorithm in [MACAlgorithm.hmac(.sha256), .cmac] {
            let error = #expect(throws: BackendError.self) {
                try signedIn(kms { _, _ in answer(200, body) }).mac(
                    [1], with: algorithm, key: KeyID("k"), deadline: soon)
            }
            #expect(error?.kind == .protocolViolation)
        }
    }

    @Test(arguments: [true, false])
    func verifies(result: Bool) throws {
        let transport = kms { _, _ in answer(200, #"{"kid":"k","result":\#(result)}"#) }
        let backend = try signedIn(transport)
        #expect(
            try backend.verifyMAC(code, of: [1], with: .hmac(.sha256), key: KeyID("k"), deadline: soon) == result)
        #expect(
            try transport.lastBody()
                == JSON(#"{"key":{"kid":"k"},"alg":"SHA256","data":"AQ==","mac":"\#(base64(code))"}"#))
        let error = #expect(throws: BackendError.self) {
            try backend.verifyMAC([1], of: [1], with: .hmac(.sha256), key: KeyID("k"), deadline: soon)
        }
        #expect(error?.kind == .invalid && transport.trace.count == 1)
    }
}

internal import FoundationEssentials
internal import KMSModel
package import KMSSupport

/// An API key: base64 of `<app uuid>:<secret>`, which is what HTTP's Basic scheme wants as it is. Of an app with a
/// certificate the secret is empty.
package struct FortanixCredential: Sendable {
    /// In plain base64, padded.
    package let key: Secret

    /// The Authorization header's value.
    var header: Secret {
        var value = Array("Basic ".utf8)
        value.reserveCapacity(value.count + key.count)
        key.withBytes { value.append(contentsOf: $0) }
        return Secret(copying: &value)
    }

    /// Takes the key as people paste it: with white space, in base64's URL-safe alphabet, without padding.
    ///
    /// A key that cannot be one is refused here: a KMS may lock an app after a number of wrong keys.
    package init(_ apiKey: Secret) throws(BackendError) {
        var text: [UInt8] = []
        text.reserveCapacity(apiKey.count + 4)
        defer { FortanixCredential.wipe(&text) }
        let isBase64 = apiKey.withBytes { bytes in
            for byte in bytes {
                switch byte {
                case 0x20, 0x09, 0x0A, 0x0D: continue
                case UInt8(ascii: "-"): text.append(UInt8(ascii: "+"))
                case UInt8(ascii: "_"): text.append(UInt8(ascii: "/"))
                case UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"):
                    text.append(byte)
                default: return false
                }
            }
            return true
        }
        guard isBase64, !text.isEmpty else { throw FortanixCredential.malformed }
        while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
        guard FortanixCredential.isIdentityAndSecret(text) else { throw FortanixCredential.malformed }
        key = Secret(copying: &text)
    }

    init(appID: String) { key = Secret(Data((appID + ":").utf8).base64EncodedString()) }

    private static func isIdentityAndSecret(_ base64: [UInt8]) -> Bool {
        guard var decoded = Data(base64Encoded: Data(base64)) else { return false }
        defer { decoded.resetBytes(in: 0..<decoded.count) }
        guard let colon = decoded.firstIndex(of: UInt8(ascii: ":")), colon + 1 < decoded.count,
            decoded.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
        else { return false }
        return UUID(uuidString: String(decoding: decoded[..<colon], as: UTF8.self)) != nil
    }

    private static func wipe(_ bytes: inout [UInt8]) { bytes.withUnsafeMutableBytes { Secret.wipe($0) } }

    private static var malformed: BackendError {
        BackendError(
            .unauthenticated,
            "this is not an API key: it must be the base64 text of <app uuid>:<secret>, as the KMS shows it "
                + "(164 characters for a 64-byte secret); was it cut off?")
    }
}

internal import FoundationEssentials
internal import HTTPTypes
package import Hummingbird
package import KMSSupport

/// The Authorization header, taken apart.
package enum Credential: Sendable {
    /// An app's API key.
    case app(id: String, secret: Secret)
    case user(email: String, password: Secret)
    case bearer(String)

    /// - Throws: `KMSError` 401 when the header is missing or not understood.
    package init(_ request: Request) throws(KMSError) {
        guard let header = request.headers[.authorization] else { throw .noCredential }
        self = try Credential(header)
    }

    package init(_ header: String) throws(KMSError) {
        if header.utf8.starts(with: "Bearer ".utf8), let token = String(header.utf8.dropFirst(7)), !token.isEmpty {
            self = .bearer(token)
            return
        }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { throw .noCredential }
        switch parts[0].lowercased() {
        case "bearer":
            self = .bearer(String(parts[1]))
        case "basic":
            guard let bytes = Base64.decode(parts[1]), let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
                throw .wrongCredential
            }
            let name = String(decoding: bytes[..<colon], as: UTF8.self)
            let secret = Secret(bytes[bytes.index(after: colon)...])
            self =
                UUID(uuidString: name) == nil
                ? .user(email: name.lowercased(), password: secret) : .app(id: name.lowercased(), secret: secret)
        default:
            throw .noCredential
        }
    }
}

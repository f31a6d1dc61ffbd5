import Cryptoki
import FoundationEssentials
import Glibc
import KMSSupport

/// An API key: base64 of `<app uuid>:<secret>`, which is what HTTP's Basic scheme wants as it is. Anything else is
/// refused before it leaves this machine: a file named by mistake may hold any secret.
enum APIKey {
    /// - Parameter path: what the module takes as PIN `file:PATH`: a file with the key, or with `api_key = "…"`. `-` and
    ///   pipes hold the key itself.
    static func file(_ path: String) throws -> Secret {
        var status = stat()
        guard path != "-", stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return try checked(try SecretInput.file(path, what: "the API key"), origin: path)
        }
        if status.st_mode & S_IROTH != 0 { SecretInput.warnAboutMode(path) }
        // The module has absolute paths only, and takes two slashes at the beginning for a host.
        let absolute = "/" + Target.absolute(path).drop { $0 == "/" }
        do {
            return try checked(
                try CredentialSource.resolve("file:" + absolute, environment: Environment.value), origin: path)
        } catch let error as CredentialError {
            throw CommandFailure(
                .input, error.description,
                remedy: "Name the file that `kmsctl app show-key NAME --output FILE` wrote, or one with api_key.")
        }
    }

    /// FORTANIX_API_KEY as the module understands it, `file:` and `env:` included; nil when it is not set.
    static func ofEnvironment() throws -> Secret? {
        guard let text = Environment.value("FORTANIX_API_KEY") else { return nil }
        do {
            return try checked(
                try CredentialSource.resolve(text, environment: Environment.value), origin: "FORTANIX_API_KEY")
        } catch let error as CredentialError {
            throw CommandFailure(.input, "FORTANIX_API_KEY: \(error.description)")
        }
    }

    static func text(app: String, secret: String) -> String { Data("\(app):\(secret)".utf8).base64EncodedString() }

    /// - Returns: the key in plain base64; like the module we take white space, the URL-safe alphabet and no padding.
    private static func checked(_ key: Secret, origin: String) throws -> Secret {
        var text = key.withBytes { $0.filter { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } }
        defer { text.withUnsafeMutableBytes { Secret.wipe($0) } }
        for index in text.indices {
            if text[index] == UInt8(ascii: "-") { text[index] = UInt8(ascii: "+") }
            if text[index] == UInt8(ascii: "_") { text[index] = UInt8(ascii: "/") }
        }
        while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
        guard isIdentityAndSecret(text) else {
            throw CommandFailure(
                .input, "\(origin) holds no API key: it must be the base64 text of <app uuid>:<secret>",
                remedy: "Get it with `kmsctl app show-key NAME --output FILE`.")
        }
        return Secret(text)
    }

    private static func isIdentityAndSecret(_ base64: [UInt8]) -> Bool {
        guard var decoded = Data(base64Encoded: Data(base64)) else { return false }
        defer { decoded.resetBytes(in: 0..<decoded.count) }
        guard let colon = decoded.firstIndex(of: UInt8(ascii: ":")), colon + 1 < decoded.count,
            decoded.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
        else { return false }
        return UUID(uuidString: String(decoding: decoded[..<colon], as: UTF8.self)) != nil
    }
}

import Cryptoki
import FoundationEssentials
import Glibc
import KMSBackend
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

    /// As somebody types it: the key itself, `file:PATH` or `env:NAME`.
    static func argument(_ typed: Secret) throws -> Secret {
        do {
            return try checked(
                try CredentialSource.resolve(typed.text, environment: Environment.value), origin: "what was given")
        } catch let error as CredentialError {
            throw CommandFailure(.input, "the API key: \(error.description)")
        }
    }

    static func text(app: String, secret: String) -> String { Data("\(app):\(secret)".utf8).base64EncodedString() }

    private static func checked(_ key: Secret, origin: String) throws -> Secret {
        do {
            return try FortanixCredential(key).key
        } catch {
            throw CommandFailure(
                .input, "\(origin) holds no API key: it must be the base64 text of <app uuid>:<secret>",
                remedy: "Get it with `kmsctl app show-key NAME --output FILE`.")
        }
    }
}

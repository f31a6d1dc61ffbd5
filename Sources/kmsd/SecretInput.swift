import FoundationEssentials
import Glibc
import KMSServer
import KMSSupport

/// Secrets in variables.
enum SecretVariable {
    /// Reads a variable and takes it out of the environment: neither `/proc/PID/environ` nor a child process shows it
    /// any more. nil when it is not set or empty.
    static func take(_ name: String) -> Secret? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        let bytes = UnsafeMutableRawBufferPointer(start: value, count: strlen(value))
        let secret = Secret(UnsafeRawBufferPointer(bytes))
        Secret.wipe(bytes)
        unsetenv(name)
        return secret
    }
}

/// Secrets in files.
enum SecretFile {
    /// The file's content without its line end.
    ///
    /// - Parameter what: "passphrase", for messages.
    static func read(_ file: String, what: String) throws -> Secret {
        guard let content = try? Data(contentsOf: URL(filePath: file)) else {
            throw StartError("cannot read the \(what) file \(file)", access(file, F_OK) == 0 ? .permission : .noInput)
        }
        var bytes = Array(content)
        defer { bytes.withUnsafeMutableBytes { Secret.wipe($0) } }
        while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
        guard !bytes.isEmpty else { throw StartError("the \(what) file \(file) is empty", .data) }
        return Secret(bytes)
    }
}

import Glibc
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

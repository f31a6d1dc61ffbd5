internal import KMSConfiguration
package import KMSSupport

/// Where a PIN or an `api_key` comes from: the key itself, a file, or a variable.
///
/// libp11 0.4.12 cuts a PIN in a URI at 32 characters, and a PIN in openssl.cnf is there for everyone to read; the short
/// forms answer both.
package enum CredentialSource {
    /// - Parameter text: the credential itself; `file:/path` or `file:///path`, a file that holds just the credential,
    ///   or a configuration file with `api_key`; `env:NAME`. White space at the end is dropped.
    /// - Throws: a sentence that names file or variable, never anything of their content.
    package static func resolve(
        _ text: String, environment: (String) -> String?
    ) throws(CredentialError) -> Secret {
        try resolve(text, environment: environment, hops: 2)
    }

    /// - Parameter hops: how many references may still follow; a file may name a variable or another file, once.
    private static func resolve(
        _ text: String, environment: (String) -> String?, hops: Int
    ) throws(CredentialError) -> Secret {
        let isFile = text.hasPrefix("file:")
        let isVariable = text.hasPrefix("env:")
        guard isFile || isVariable else {
            return try secret(Array(text.utf8), origin: "the credential")
        }
        guard hops > 0 else {
            throw CredentialError("a credential's file names another file, which names another; name the last one")
        }
        if isVariable {
            let name = String(text.dropFirst(4))
            guard !name.isEmpty else { throw CredentialError("env: without a name; write env:NAME") }
            guard let value = environment(name) else {
                throw CredentialError("environment variable \(name) is not set; set it for this process")
            }
            return try secret(Array(value.utf8), origin: "environment variable \(name)")
        }
        return try read(path(String(text.dropFirst(5))), environment: environment, hops: hops)
    }

    /// `/path` of `/path` and `///path`; a host between the slashes has no meaning here.
    private static func path(_ text: String) throws(CredentialError) -> String {
        let path = text.hasPrefix("///") ? String(text.dropFirst(2)) : text
        guard path.hasPrefix("/"), !path.hasPrefix("//") else {
            throw CredentialError("file: needs an absolute path; write file:/path/to/file")
        }
        return path
    }

    private static func read(
        _ path: String, environment: (String) -> String?, hops: Int
    ) throws(CredentialError) -> Secret {
        let file: ConfigurationFile
        do {
            file = try ConfigurationFile(path: path, limit: 1 << 16)
        } catch {
            throw CredentialError(
                "cannot read credential file \(path): \(error.reason)", isPermission: error.isPermission)
        }
        guard !file.isWorldReadable else {
            throw CredentialError(
                "every user of this machine can read credential file \(path); chmod 600 it", isPermission: true)
        }
        var bytes = file.bytes
        defer { bytes.withUnsafeMutableBytes { Secret.wipe($0) } }
        if isBareCredential(bytes) { return try secret(bytes, origin: "credential file \(path)") }
        let document: ConfigurationDocument
        do {
            document = try ConfigurationDocument(bytes)
        } catch {
            throw CredentialError(
                "credential file \(path) holds neither one line with the credential nor TOML with api_key"
                    + (error.line > 0 ? " (line \(error.line))" : ""))
        }
        guard let entry = document.root["api_key"], case .text(let value) = entry.value else {
            throw CredentialError("credential file \(path) has no api_key = \"…\"")
        }
        return try resolve(value, environment: environment, hops: hops - 1)
    }

    /// One word on one line. TOML with `api_key` has quotation marks.
    private static func isBareCredential(_ bytes: [UInt8]) -> Bool {
        let text = trimmed(bytes)
        return !text.contains { $0 <= 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") }
    }

    private static func secret(_ bytes: [UInt8], origin: String) throws(CredentialError) -> Secret {
        let text = trimmed(bytes)
        guard !text.isEmpty else { throw CredentialError("\(origin) is empty") }
        // A line end inside would let a PIN add headers to a request.
        guard !text.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw CredentialError("\(origin) contains control characters; it must be one line")
        }
        return Secret(text)
    }

    private static func trimmed(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        var text = bytes[...]
        while let last = text.last, [0x0A, 0x0D, 0x20, 0x09].contains(last) { text = text.dropLast() }
        return text
    }
}

/// A credential could not be had. The message names its source, never its content.
package struct CredentialError: Error, Sendable, CustomStringConvertible {
    package var description: String
    /// A file may not be read by this user, or may be read by too many.
    package var isPermission: Bool

    package init(_ description: String, isPermission: Bool = false) {
        self.description = description
        self.isPermission = isPermission
    }
}

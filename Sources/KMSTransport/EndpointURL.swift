/// A KMS's address: `https://host[:port][/path]`.
package struct EndpointURL: Sendable, Equatable, CustomStringConvertible {
    package struct Failure: Error {
        /// What is wrong and what to write instead; never the address itself when it holds a password.
        package var reason: String
    }

    /// A name, an IPv4 address, or an IPv6 address without brackets.
    package var host: String
    package var port: Int
    /// Without a trailing slash: empty or `/…`.
    package var path: String
    /// As requests use it, scheme included, without a trailing slash.
    package var text: String
    /// http:// to this very machine.
    package var isPlain: Bool

    package var description: String { text }

    /// The host as it stands in a URL.
    package var bracketedHost: String { host.contains(":") ? "[\(host)]" : host }

    /// - Parameters:
    ///   - address: a bare host is taken as `https://host`.
    ///   - allowsLoopbackHTTP: http:// to 127.0.0.0/8, ::1 or localhost, which nobody else can listen to.
    package init(_ address: String, allowsLoopbackHTTP: Bool = false) throws(Failure) {
        var rest = address[...]
        var isPlain = false
        if let scheme = Self.scheme(of: rest) {
            isPlain = scheme == "http" && allowsLoopbackHTTP
            guard isPlain || scheme != "http" else {
                throw Failure(reason: "http:// would show credentials to everyone on the way; use https://")
            }
            guard isPlain || scheme == "https" else {
                throw Failure(reason: "the scheme must be https; write https://host[:port]")
            }
            rest = rest.dropFirst(scheme.utf8.count + 3)
        }
        guard !rest.utf8.contains(UInt8(ascii: "@")) else {
            throw Failure(reason: "a user name or password does not belong into an address; use api_key")
        }
        let allowed = rest.utf8.allSatisfy { byte in
            byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "?") && byte != UInt8(ascii: "#")
        }
        guard allowed else {
            throw Failure(reason: "spaces, ? and # do not belong into an address; write https://host[:port][/path]")
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var path = rest[slash...]
        while path.hasSuffix("/") { path = path.dropLast() }
        let (host, port, isLiteral) = try Self.authority(rest[..<slash])
        guard !isPlain || Self.isLoopback(host) else {
            throw Failure(
                reason: "http:// would show what is sent to everyone on the way; use https://, or http:// to 127.0.0.1")
        }
        self.host = String(host)
        self.port = port ?? (isPlain ? 80 : 443)
        self.isPlain = isPlain
        self.path = String(path)
        text =
            (isPlain ? "http://" : "https://") + (isLiteral ? "[\(host)]" : String(host))
            + (port.map { ":\($0)" } ?? "") + path
    }

    /// In lower case; nil without `://`.
    static func scheme(of address: Substring) -> String? {
        guard let colon = address.firstIndex(of: ":"), address[colon...].hasPrefix("://") else { return nil }
        return address[..<colon].lowercased()
    }

    private static func authority(
        _ text: Substring
    ) throws(Failure) -> (host: Substring, port: Int?, isLiteral: Bool) {
        var host = text
        var port: Substring?
        let isLiteral = text.hasPrefix("[")
        if isLiteral {
            guard let end = text.firstIndex(of: "]") else {
                throw Failure(reason: "an IPv6 address needs both brackets; write https://[address]:port")
            }
            host = text[text.index(after: text.startIndex)..<end]
            let tail = text[text.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":") else {
                throw Failure(reason: "after ] only :port and /path may follow")
            }
            port = tail.isEmpty ? nil : tail.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard !host.isEmpty else { throw Failure(reason: "the host is missing; write https://host[:port]") }
        guard host.utf8.allSatisfy({ isLiteral ? isAddress($0) : isName($0) }) else {
            throw Failure(reason: "the host name has characters that host names do not have")
        }
        guard let port else { return (host, nil, isLiteral) }
        guard let number = Int(port), (1...65_535).contains(number), port.utf8.allSatisfy(isDigit) else {
            throw Failure(reason: "the port must be a number from 1 to 65535")
        }
        return (host, number, isLiteral)
    }

    private static func isLoopback(_ host: Substring) -> Bool {
        if host == "::1" || host.lowercased() == "localhost" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private static func isName(_ byte: UInt8) -> Bool {
        let letter = byte | 0x20
        return isDigit(byte) || (letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z"))
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
    }

    /// Of an IPv6 address; `%` begins a zone, which a server elsewhere cannot know.
    private static func isAddress(_ byte: UInt8) -> Bool {
        let letter = byte | 0x20
        return isDigit(byte) || (letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "f"))
            || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
    }
}

/// HOST:PORT. IPv6 addresses stand in brackets; port 0 picks a free one.
package struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    package init(_ text: String) throws(SettingError) {
        let example = "write HOST:PORT, for example 127.0.0.1:8443 or [::1]:8443"
        guard let colon = text.lastIndex(of: ":") else {
            throw SettingError("\"\(text)\" names no port; \(example)")
        }
        guard let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port) else {
            throw SettingError("the port in \"\(text)\" is not a number from 0 to 65535; \(example)")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw SettingError("the IPv6 address in \"\(text)\" needs brackets; \(example)")
        }
        guard !host.isEmpty, !host.contains(where: \.isWhitespace) else {
            throw SettingError("\"\(text)\" names no host; \(example), or 0.0.0.0 for all addresses")
        }
        self.init(host: String(host), port: port)
    }

    /// Only programs of this machine reach it.
    var isLoopback: Bool { host == "::1" || ServerIdentity.address(host).map { $0.count == 4 && $0[0] == 127 } == true }

    package var description: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }

    /// The same host with the port that was given to it.
    package func on(port: Int) -> ListenAddress { ListenAddress(host: host, port: port) }
}

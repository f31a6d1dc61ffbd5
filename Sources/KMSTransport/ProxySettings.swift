package import KMSSupport

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The proxy of a slot, decided once: NGINX's workers no longer see the environment that the master had.
package struct ProxySettings: Sendable {
    /// `[scheme://][user:password@]host[:port]`; nil: none, whatever the environment says later.
    package var address: Secret?
    /// Hosts that are reached directly: names, which stand for what is below them too, addresses, CIDR ranges, `*`.
    package var exceptions: [String]
    /// The variable, or `FILE:LINE`; empty when there is no proxy.
    package var origin: String

    package init(address: Secret? = nil, exceptions: [String] = [], origin: String = "") {
        self.address = address
        self.exceptions = exceptions
        self.origin = origin
    }

    /// The environment's, by libcurl's rules for an https URL. An empty variable counts as unset.
    package static func fromEnvironment(_ environment: (String) -> String?) -> ProxySettings {
        func first(_ names: String...) -> (name: String, text: String)? {
            for name in names {
                if let text = environment(name), !text.isEmpty { return (name, text) }
            }
            return nil
        }
        let list = first("no_proxy", "NO_PROXY")?.text.split { $0 == "," || $0 == " " || $0 == "\t" } ?? []
        let exceptions = list.map(String.init)
        // libcurl's order.
        guard let proxy = first("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY") else {
            return ProxySettings(exceptions: exceptions)
        }
        return ProxySettings(address: Secret(proxy.text), exceptions: exceptions, origin: proxy.name)
    }

    package static func fromEnvironment() -> ProxySettings {
        fromEnvironment { name in getenv(name).map { String(cString: $0) } }
    }

    /// Whether connections to `host` go through the proxy.
    ///
    /// - Parameter host: as `EndpointURL.host` has it.
    package func applies(to host: String) -> Bool {
        guard let address, !address.isEmpty else { return false }
        let host = host.lowercased()
        return !exceptions.contains { ProxySettings.matches($0.lowercased(), host) }
    }

    /// The proxy without user name and password, for messages.
    package var shownAddress: String {
        guard let text = address?.text, let at = text.lastIndex(of: "@") else { return address?.text ?? "" }
        let rest = text[text.index(after: at)...]
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://"), colon < at else {
            return String(rest)
        }
        return text[..<colon] + "://" + rest
    }

    /// Where the proxy itself is; nil when its address makes no sense.
    package var place: (host: String, port: Int)? {
        let text = shownAddress
        let scheme = EndpointURL.scheme(of: text[...])
        var rest = scheme.map { text.dropFirst($0.utf8.count + 3) } ?? text[...]
        while rest.hasSuffix("/") { rest = rest.dropLast() }
        guard let url = try? EndpointURL("https://" + rest) else { return nil }
        // libcurl's defaults.
        let standard = scheme == "https" ? 443 : 1080
        return (url.host, url.text.hasSuffix(":\(url.port)") ? url.port : standard)
    }

    package var hasPassword: Bool { address?.text.contains("@") == true }

    private static func matches(_ exception: String, _ host: String) -> Bool {
        if exception == "*" { return true }
        if let slash = exception.firstIndex(of: "/") {
            guard let range = bits(exception[..<slash]), let address = bits(host[...]), range.count == address.count,
                let length = Int(exception[exception.index(after: slash)...]), (0...range.count).contains(length)
            else { return false }
            return range.prefix(length) == address.prefix(length)
        }
        var name = exception[...]
        if name.hasPrefix("[") { name = name.dropFirst().prefix { $0 != "]" } }
        while name.hasPrefix(".") { name = name.dropFirst() }
        while name.hasSuffix(".") { name = name.dropLast() }
        // What is below an address is none of its kind.
        if let address = bits(host[...]) { return bits(name) == address }
        return host == name || (!name.isEmpty && host.hasSuffix("." + name))
    }

    /// An IPv4 or IPv6 address bit by bit; nil for anything else.
    private static func bits(_ text: Substring) -> [Bool]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count =
            inet_pton(AF_INET, String(text), &bytes) == 1 ? 4 : inet_pton(AF_INET6, String(text), &bytes) == 1 ? 16 : 0
        guard count > 0 else { return nil }
        return bytes.prefix(count).flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 == 1 } }
    }
}

extension ProxySettings {
    /// What is wrong with an address in the configuration; nil: nothing. Says nothing of its user and password.
    package static func problem(_ address: String) -> String? {
        let schemes = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"]
        var rest = address[...]
        if let scheme = EndpointURL.scheme(of: rest) {
            guard schemes.contains(scheme) else {
                return "the scheme must be one of \(schemes.joined(separator: ", ")); write http://host:port"
            }
            rest = rest.dropFirst(scheme.utf8.count + 3)
        }
        if let at = rest.lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
        while rest.hasSuffix("/") { rest = rest.dropLast() }
        do throws(EndpointURL.Failure) {
            guard try EndpointURL("https://" + rest).path.isEmpty else {
                return "a proxy has no path; write http://host:port"
            }
        } catch {
            return error.reason
        }
        return address.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
            ? nil : "spaces and control characters do not belong into it"
    }
}

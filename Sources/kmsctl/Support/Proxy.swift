import Cryptoki

/// The proxy that libcurl uses, by its rules for https URLs.
struct Proxy {
    /// Without user name and password.
    var address: String
    /// The variable that names it.
    var variable: String

    /// nil: the connection goes to the KMS itself.
    static func of(_ url: EndpointURL) -> Proxy? {
        for name in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            guard let value = Environment.value(name) else { continue }
            return isException(url.host) ? nil : Proxy(address: withoutUser(value), variable: name)
        }
        return nil
    }

    /// Names in no_proxy stand for themselves and what is below them.
    private static func isException(_ host: String) -> Bool {
        let list = Environment.value("no_proxy") ?? Environment.value("NO_PROXY") ?? ""
        let host = host.lowercased()
        return list.split(whereSeparator: { $0 == "," || $0 == " " }).contains { entry in
            var name = entry.lowercased()[...]
            if name == "*" { return true }
            if name.hasPrefix("[") { name = name.dropFirst().prefix { $0 != "]" } }
            while name.hasPrefix(".") { name = name.dropFirst() }
            while name.hasSuffix(".") { name = name.dropLast() }
            return host == name || (!name.isEmpty && host.hasSuffix("." + name))
        }
    }

    private static func withoutUser(_ address: String) -> String {
        guard let at = address.lastIndex(of: "@") else { return address }
        let rest = address[address.index(after: at)...]
        guard let colon = address.firstIndex(of: ":"), address[colon...].hasPrefix("://") else { return String(rest) }
        return address[..<colon] + "://" + rest
    }
}

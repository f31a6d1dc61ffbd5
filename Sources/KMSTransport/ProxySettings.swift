#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The proxy of the environment, read once: NGINX's workers no longer see the environment that the master had.
struct ProxySettings: Sendable {
    /// Empty: none, whatever the environment says later.
    var proxy: String
    /// Hosts that are reached directly, separated by commas; `*`: all.
    var exceptions: String

    /// By libcurl's rules for an https URL.
    static func fromEnvironment() -> ProxySettings {
        ProxySettings(
            proxy: value("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
            exceptions: value("no_proxy", "NO_PROXY"))
    }

    private static func value(_ names: String...) -> String {
        for name in names {
            if let text = getenv(name), text.pointee != 0 { return String(cString: text) }
        }
        return ""
    }
}

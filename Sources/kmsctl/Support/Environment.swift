import Glibc

enum Environment {
    /// nil when unset or empty.
    static func value(_ name: String) -> String? {
        guard let text = getenv(name), text.pointee != 0 else { return nil }
        return String(cString: text)
    }

    /// Whether the terminal shows more than ASCII.
    static var isUTF8: Bool {
        let locale = (value("LC_ALL") ?? value("LC_CTYPE") ?? value("LANG") ?? "").lowercased()
        return locale.hasSuffix("utf-8") || locale.hasSuffix("utf8")
    }
}

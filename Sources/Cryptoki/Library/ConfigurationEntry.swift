internal import KMSConfiguration

/// What a file or a variable says of one key.
struct ConfigurationEntry {
    var key: String
    var value: ConfigurationDocument.Value
    /// `FILE:LINE`, or the variable.
    var origin: String
    /// Where relative paths begin, with a slash at its end: the folder of the file. The working directory of the host
    /// means nothing.
    var folder: String
    /// Users of this machine whom nobody named may read the file.
    var isExposed: Bool
    /// For values that name a variable.
    var environment: (String) -> String? = { _ in nil }

    /// The value of a variable.
    init(_ key: String, variable: String, text: String) {
        self.key = key
        value = .text(text)
        origin = variable
        folder = "/"
        isExposed = false
    }

    init(_ entry: ConfigurationDocument.Entry, in file: ConfigurationFile) {
        key = entry.key
        value = entry.value
        origin = entry.line > 0 ? "\(file.path):\(entry.line)" : file.path
        folder = file.path.lastIndex(of: "/").map { String(file.path[...$0]) } ?? ""
        isExposed = file.isWorldReadable
    }

    /// A key of the table that this entry is.
    func with(_ inner: ConfigurationDocument.Entry) -> ConfigurationEntry {
        var copy = self
        copy.key = key + "." + inner.key
        copy.value = inner.value
        return copy
    }

    /// The error of this value: where it is, what is wrong, what to do.
    func error(_ message: String, _ kind: ConfigurationError.Kind = .invalid) -> ConfigurationError {
        // A variable's name says already which value it is.
        let isVariable = !origin.utf8.contains(UInt8(ascii: "/"))
        return ConfigurationError("\(origin): " + (isVariable ? "" : "\(key): ") + message, kind)
    }

    func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : folder + path }

    /// - Throws: when the file shows to every user what only some may see.
    func checkSecrecy(of what: String, instead: String) throws(ConfigurationError) {
        guard isExposed else { return }
        throw error("every user of this machine can read \(what); chmod o-rwx the file, or \(instead)", .permission)
    }
}

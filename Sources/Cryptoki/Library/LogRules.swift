internal import KMSSupport

/// What the keys of `[log]` mean.
enum LogRules {
    static func level(
        _ log: inout LogSettings, _ name: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        guard let level = Log.Level(name: name) else {
            throw entry.error("unknown level; use off, error, warn, info or debug")
        }
        log.level = level
    }

    static func systemSocket(
        _ log: inout LogSettings, _ path: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        // sockaddr_un.sun_path.
        guard path.hasPrefix("/"), path.utf8.count < 108 else {
            throw entry.error("it must be an absolute path of at most 107 bytes")
        }
        log.systemLogSocket = path
    }

    static func file(
        _ log: inout LogSettings, _ path: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        guard path.hasPrefix("/"), !path.hasSuffix("/") else {
            throw entry.error("it must be the absolute path of a file")
        }
        log.file = LogSettings.File(path: path)
    }

    static func countersDirectory(
        _ log: inout LogSettings, _ path: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        guard path.hasPrefix("/") else { throw entry.error("it must be the absolute path of a folder") }
        log.countersDirectory = path
    }
}

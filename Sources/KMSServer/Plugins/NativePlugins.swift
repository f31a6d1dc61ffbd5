internal import KMSModel

/// The plugins that this server has, and how a stored plugin says which of them it is.
enum NativePlugins {
    private static var all: [any NativePlugin.Type] { [X509CAPlugin.self] }

    static var names: [String] { all.map { $0.name } }

    static func named(_ name: String) -> (any NativePlugin)? { all.first { $0.name == name }?.init() }

    /// nil for Lua code, which this server stores and does not run.
    static func plugin(of source: PluginSource) -> (any NativePlugin)? {
        if let name = source.pluginName { return named(name) }
        return source.code.flatMap(marker).flatMap(named)
    }

    /// The name in the first line that is `-- kmsd: native NAME`. To look for a line of our own is the one way to tell:
    /// the code of the vendor's library changes with its versions.
    private static func marker(in code: String) -> String? {
        for line in code.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.count == 4, words.prefix(3) == ["--", "kmsd:", "native"] { return String(words[3]) }
        }
        return nil
    }

    /// What the caller of any other plugin is told.
    static var refusal: KMSError {
        let list = names.joined(separator: ", ")
        return KMSError(
            .notImplemented,
            "This server runs built-in plugins only (\(list)) and no Lua; install one with `kmsctl plugin install "
                + "\(names.first ?? "") --name NAME --group GROUP`, or with code that has the line "
                + "\"-- kmsd: native \(names.first ?? "")\"")
    }
}

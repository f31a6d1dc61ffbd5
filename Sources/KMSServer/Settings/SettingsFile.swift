internal import Configuration
internal import KMSConfiguration

/// The configuration file, TOML, as a layer of settings. An unknown key is an error, so that a typing mistake does not go
/// unnoticed.
struct SettingsFile {
    private let path: String
    private var contents: [String: (content: ConfigContent, origin: String)] = [:]

    var layer: SettingLayer { SettingLayer(contents) }

    init(_ path: String) throws(SettingError) {
        self.path = path
        let file: ConfigurationFile
        do {
            file = try ConfigurationFile(path: path)
        } catch {
            throw SettingError(
                "\(path): cannot read the configuration file: \(error.reason); correct --config or the file's permissions"
            )
        }
        let document: ConfigurationDocument
        do {
            document = try ConfigurationDocument(file.bytes)
        } catch {
            throw self.error(
                error.line,
                "\(error.reason); the file is TOML: key = \"value\", one per line, strings in quotation marks")
        }
        try add(document.root, prefix: "")
    }

    private mutating func add(_ table: ConfigurationDocument.Table, prefix: String) throws(SettingError) {
        for entry in table.entries {
            let name = prefix + entry.key
            if let setting = Setting.all.first(where: { $0.name == name }) {
                contents[name] = (try content(of: entry, for: setting), place(entry.line))
            } else if case .table(let inner) = entry.value,
                Setting.all.contains(where: { $0.name.hasPrefix(name + ".") })
            {
                try add(inner, prefix: name + ".")
            } else {
                throw unknown(entry, prefix)
            }
        }
    }

    private func unknown(_ entry: ConfigurationDocument.Entry, _ prefix: String) -> SettingError {
        var names: [String] = []
        for setting in Setting.all where setting.name.hasPrefix(prefix) {
            let name = String(setting.name.dropFirst(prefix.count).prefix { $0 != "." })
            if !names.contains(name) { names.append(name) }
        }
        let table = prefix.isEmpty ? "the configuration file" : "[\(prefix.dropLast())]"
        return error(
            entry.line, "unknown key \"\(entry.key)\" in \(table); known keys: \(names.joined(separator: ", "))")
    }

    private func content(
        of entry: ConfigurationDocument.Entry, for setting: Setting
    ) throws(SettingError) -> ConfigContent {
        switch (setting.kind, entry.value) {
        case (.text, .text(let text)): return .string(absolute(text))
        case (.choice, .text(let text)), (.loopback, .text(let text)): return .string(text)
        case (.flag, .boolean(let flag)): return .bool(flag)
        case (.number, .number(let number)): return .int(number)
        case (.addresses, .text(let text)): return .stringArray([text])
        case (.addresses, .texts(let texts)): return .stringArray(texts)
        default:
            throw error(entry.line, "\(setting.name) must be \(setting.kind.name), not \(entry.value.name)")
        }
    }

    /// All texts are paths. The working directory of a service means nothing: a relative path is beside the file.
    private func absolute(_ text: String) -> String {
        guard !text.isEmpty, !text.hasPrefix("/"), let end = path.lastIndex(of: "/") else { return text }
        return path[...end] + text
    }

    private func error(_ line: Int, _ message: String) -> SettingError { SettingError("\(place(line)): \(message)") }

    private func place(_ line: Int) -> String { line > 0 ? "\(path):\(line)" : path }
}

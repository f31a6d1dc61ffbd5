internal import KMSConfiguration

/// Reads a configuration file and checks every key and type against `ConfigurationKeys`; what the values mean is for
/// `SlotRules` and `LogRules`, once the environment has been heard.
struct ConfigurationReader {
    private let file: ConfigurationFile
    private let root: ConfigurationDocument.Table
    private(set) var warnings: [String] = []

    init(_ file: ConfigurationFile) throws(ConfigurationError) {
        self.file = file
        guard !file.isWorldWritable else {
            throw ConfigurationError(
                "\(file.path): every user of this machine can change the configuration file; chmod o-w it", .permission)
        }
        do throws(ConfigurationDocument.SyntaxError) {
            root = try ConfigurationDocument(file.bytes).root
        } catch {
            throw ConfigurationError(
                (error.line > 0 ? "\(file.path):\(error.line)" : file.path) + ": \(error.reason); the file is TOML:"
                    + " key = \"value\", one per line, strings in quotation marks")
        }
    }

    mutating func layers() throws(ConfigurationError) -> ConfigurationLayers {
        let known = ConfigurationKeys.slot + ConfigurationKeys.vendor
        var layers = ConfigurationLayers()
        layers.top = try entries(root, known, tables: ConfigurationKeys.tables, place: "the configuration file")
        layers.log = try log()
        guard let entry = root["slot"] else { return layers }
        guard case .tables(let tables) = entry.value, !tables.isEmpty else {
            throw error(entry.line, "slot must be written as [[slot]], once per slot")
        }
        layers.slots = []
        for table in tables {
            let entries = try entries(table, ConfigurationKeys.slot, place: "[[slot]]")
            layers.slots.append(ConfigurationLayers.Slot(origin: place(of: table.line), entries: entries))
        }
        return layers
    }

    private mutating func log() throws(ConfigurationError) -> [String: ConfigurationEntry] {
        guard let entry = root["log"] else { return [:] }
        guard case .table(let table) = entry.value else {
            throw error(entry.line, "log must be a table, not \(entry.value.name)")
        }
        if let file = table["file"], case .table(let inner) = file.value {
            _ = try entries(inner, ConfigurationKeys.logFile, place: "[log.file]")
            guard inner["path"] != nil else { throw error(file.line, "file needs path = \"/absolute/path\"") }
        }
        return try entries(table, ConfigurationKeys.log, place: "[log]")
    }

    // MARK: - Keys and types

    private mutating func entries<Target>(
        _ table: ConfigurationDocument.Table, _ keys: [ConfigurationKey<Target>], tables: [String] = [], place: String
    ) throws(ConfigurationError) -> [String: ConfigurationEntry] {
        var entries: [String: ConfigurationEntry] = [:]
        for entry in table.entries where !tables.contains(entry.key) {
            guard let key = keys.first(where: { $0.name == entry.key }) else {
                throw error(
                    entry.line,
                    "unknown key \"\(entry.key)\" in \(place); known keys: "
                        + (keys.filter { !$0.isIgnored }.map(\.name) + tables).joined(separator: ", "))
            }
            if let problem = key.problem(entry.value) { throw error(entry.line, problem) }
            if case .ignored(let reason) = key.kind {
                warnings.append("\(self.place(of: entry.line)): \(key.name) has no effect: \(reason)")
            } else {
                entries[key.name] = ConfigurationEntry(entry, in: file)
            }
        }
        if let both = table["endpoints"], table["api_endpoint"] != nil {
            throw error(both.line, "api_endpoint and endpoints exclude each other; keep one")
        }
        return entries
    }

    private func error(_ line: Int, _ message: String) -> ConfigurationError {
        ConfigurationError("\(place(of: line)): \(message)")
    }

    private func place(of line: Int) -> String { line > 0 ? "\(file.path):\(line)" : file.path }
}

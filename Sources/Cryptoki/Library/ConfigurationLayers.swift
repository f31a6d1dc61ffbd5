internal import KMSConfiguration
internal import KMSSupport
internal import KMSTransport

/// What was said, before it is applied: first the variable, then the `[[slot]]`, then the top of the file, then the
/// default. A credential is fetched only at the end, so that a variable spares the file.
struct ConfigurationLayers {
    struct Slot {
        /// Where the slot is described, for errors.
        var origin: String
        var entries: [String: ConfigurationEntry] = [:]
    }

    var top: [String: ConfigurationEntry] = [:]
    /// Without `[[slot]]` the top describes the only one.
    var slots = [Slot(origin: "")]
    var log: [String: ConfigurationEntry] = [:]
    private var variables: [String: ConfigurationEntry] = [:]

    mutating func override(with variable: (String) -> String?) {
        if let name = variable("KMS_PKCS11_LOG") {
            log["level"] = ConfigurationEntry("level", variable: "KMS_PKCS11_LOG", text: name)
        }
        for (key, name) in [("api_endpoint", "FORTANIX_API_ENDPOINT"), ("api_key", "FORTANIX_API_KEY")] {
            if let text = variable(name) { variables[key] = ConfigurationEntry(key, variable: name, text: text) }
        }
    }

    // MARK: - Slots

    func slots(
        environment: @escaping (String) -> String?
    ) throws(ConfigurationError) -> ([Configuration.Slot], [Configuration.Value]) {
        var done: [Configuration.Slot] = []
        var values: [Configuration.Value] = []
        for (index, slot) in slots.enumerated() {
            var entries = ConfigurationLayers.merge(top, slot.entries)
            if index == 0 { entries = ConfigurationLayers.merge(entries, variables) }
            var settings = Configuration.Slot()
            settings.proxy = ProxySettings.fromEnvironment(environment)
            try SlotRules.checkPair(entries)
            for key in ConfigurationKeys.slot {
                guard var entry = entries[key.name] else { continue }
                entry.environment = environment
                try key.apply(entry, to: &settings)
            }
            try SlotRules.check(settings.tls, entries)
            guard !done.contains(where: { $0.label == settings.label }) else {
                throw ConfigurationError(
                    "\(slot.origin): two slots have the label \"\(settings.label)\"; give each [[slot]] its own label")
            }
            values += ConfigurationKeys.slot.map { key in
                ConfigurationLayers.value(of: key, entries[key.name], settings)
            }
            done.append(settings)
        }
        return (done, values)
    }

    /// What `upper` says of one key of a group, it says of the group.
    private static func merge(
        _ lower: [String: ConfigurationEntry], _ upper: [String: ConfigurationEntry]
    ) -> [String: ConfigurationEntry] {
        let keys = ConfigurationKeys.slot
        let groups = keys.filter { upper[$0.name] != nil }.compactMap(\.group)
        var merged = lower
        for key in keys {
            if let group = key.group, groups.contains(group) { merged[key.name] = nil }
            if let entry = upper[key.name] { merged[key.name] = entry }
        }
        return merged
    }

    private static func value(
        of key: ConfigurationKey<Configuration.Slot>, _ entry: ConfigurationEntry?, _ slot: Configuration.Slot
    ) -> Configuration.Value {
        guard let entry else {
            let isProxy = key.name == "proxy" && !slot.proxy.origin.isEmpty
            return Configuration.Value(
                slot: slot.label, key: key.name, text: key.effective?(slot) ?? key.standard,
                origin: isProxy ? slot.proxy.origin : "default")
        }
        let text = key.isSecret ? hidden(entry, slot) : entry.value.text
        return Configuration.Value(slot: slot.label, key: key.name, text: text, origin: entry.origin)
    }

    /// Where a secret is may be shown, and a proxy without its password.
    private static func hidden(_ entry: ConfigurationEntry, _ slot: Configuration.Slot) -> String {
        guard case .text(let text) = entry.value else { return "(hidden)" }
        if entry.key == "proxy" { return slot.proxy.address == nil ? entry.value.text : slot.proxy.quotedAddress }
        return text.hasPrefix("file:") || text.hasPrefix("env:") ? entry.value.text : "(hidden)"
    }

    // MARK: - Log

    func logSettings() throws(ConfigurationError) -> (settings: LogSettings, values: [Configuration.Value]) {
        var settings = LogSettings()
        var values: [Configuration.Value] = []
        for key in ConfigurationKeys.log {
            if let entry = log[key.name] { try key.apply(entry, to: &settings) }
        }
        for key in ConfigurationKeys.log {
            let entry = log[key.name]
            let standard = key.effective?(settings) ?? key.standard
            values.append(
                Configuration.Value(
                    key: key.name, text: entry?.value.text ?? standard, origin: entry?.origin ?? "default"))
        }
        return (settings, values)
    }
}

extension ProxySettings {
    /// Without user and password, as TOML.
    var quotedAddress: String { ConfigurationDocument.Value.text(shownAddress).text }

    var quotedExceptions: String { ConfigurationDocument.Value.texts(exceptions).text }
}

extension ConfigurationDocument.Value {
    /// As TOML.
    fileprivate var text: String {
        switch self {
        case .text(let text): ConfigurationDocument.Value.quoted(text)
        case .number(let number): "\(number)"
        case .boolean(let flag): "\(flag)"
        case .texts(let texts): "[" + texts.map(ConfigurationDocument.Value.quoted).joined(separator: ", ") + "]"
        case .table(let table):
            "{ " + table.entries.map { "\($0.key) = \($0.value.text)" }.joined(separator: ", ") + " }"
        case .tables, .other: name
        }
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case "\n": quoted += "\\n"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F: quoted += " "
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

internal import Configuration
internal import FoundationEssentials
internal import KMSConfiguration
package import Logging

/// What `kmsd serve` is told: flags over environment over file over defaults.
package struct Settings: Sendable {
    /// nil: nobody named one.
    package var data: String?
    package var listen: [ListenAddress] = []
    /// PEM files of another certificate than the own CA's.
    package var tls: (certificate: String, key: String)?
    package var logLevel = Logger.Level.info
    package var logFormat = LogFormat.text
    package var flushAudit = AuditLog.Flush.soon
    package var limits = Limits()
    package var metrics = MetricsSettings()
    /// Each setting, its value as TOML and where that comes from, for `--check`.
    package var rows: [(name: String, value: String?, origin: String)] = []

    package init() {}

    /// The file that is read when nobody names one.
    package static var defaultFile: String { "/etc/kmsd/kmsd.conf" }

    /// - Parameters:
    ///   - flags: by name of the setting, with the flag as its origin.
    ///   - file: nil: the default one if it is there. KMSD_CONFIG is the caller's business.
    package static func load(
        flags: [String: (text: String, origin: String)], file: String?, environment: [String: String]
    ) throws(SettingError) -> Settings {
        try check(flags: flags)
        let path = file ?? (ConfigurationFile.exists(defaultFile) ? defaultFile : nil)
        let layers: [SettingLayer] = [
            SettingLayer(texts: flags), try .environment(environment), try path.map(fileLayer) ?? SettingLayer([:]),
            .defaults,
        ]
        for layer in layers { try layer.check() }
        return try Settings(layers)
    }

    private static func fileLayer(_ path: String) throws(SettingError) -> SettingLayer { try SettingsFile(path).layer }

    /// What can be said of the flags alone.
    package static func check(flags: [String: (text: String, origin: String)]) throws(SettingError) {
        for (name, flag) in flags where !Setting.all.contains(where: { $0.name == name }) {
            let known = Setting.all.map(\.name).joined(separator: ", ")
            throw SettingError("\(flag.origin): there is no setting \"\(name)\"; known: \(known)")
        }
        try SettingLayer(texts: flags).check()
    }

    private init(_ layers: [SettingLayer]) throws(SettingError) {
        let reader = ConfigReader(providers: layers.map(\.provider))
        data = reader.string(forKey: "data")
        for text in reader.stringArray(forKey: "listen", default: []) { listen.append(try ListenAddress(text)) }
        switch (reader.string(forKey: "tls.certificate"), reader.string(forKey: "tls.key")) {
        case (nil, nil): break
        case (let certificate?, let key?): tls = (certificate, key)
        default:
            let origin = layers.lazy.compactMap { $0.origins["tls.certificate"] ?? $0.origins["tls.key"] }.first ?? ""
            throw SettingError("\(origin): tls.certificate and tls.key belong together; set both or none")
        }
        logLevel = Logger.Level(rawValue: reader.string(forKey: "log.level", default: "").lowercased()) ?? logLevel
        logFormat = LogFormat(rawValue: reader.string(forKey: "log.format", default: "").lowercased()) ?? logFormat
        flushAudit = reader.bool(forKey: "audit.flush", default: false) ? .each : .soon
        limits = Limits { reader.scoped(to: "limits").int(forKey: ConfigKey($0), default: $1) }
        metrics.isPublic = reader.bool(forKey: "metrics.public", default: false)
        if let text = reader.string(forKey: "metrics.listen") { metrics.listen = try ListenAddress(text) }
        rows = Setting.all.map { setting in
            let origin = layers.lazy.compactMap { $0.origins[setting.name] }.first
            return (setting.name, Settings.shown(setting, in: reader), origin ?? "not set")
        }
    }

    /// A setting's name for messages: the flag that gave it, else its name and where it stands.
    package func name(of setting: String) -> String {
        let origin = rows.first { $0.name == setting }?.origin ?? "not set"
        return origin.hasPrefix("--") ? origin : "\(setting) (\(origin))"
    }

    private static func shown(_ setting: Setting, in reader: ConfigReader) -> String? {
        let key = ConfigKey(setting.name)
        switch setting.kind {
        case .text, .choice, .loopback: return reader.string(forKey: key).map(quoted)
        case .flag: return reader.bool(forKey: key).map { "\($0)" }
        case .number: return reader.int(forKey: key).map { "\($0)" }
        case .addresses:
            return reader.stringArray(forKey: key).map { "[" + $0.map(quoted).joined(separator: ", ") + "]" }
        }
    }

    /// A TOML string: JSON's rules are a part of TOML's.
    private static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }
}

package enum LogFormat: String, Sendable {
    case text, json
}

/// Who may read /metrics.
package struct MetricsSettings: Sendable {
    /// Anybody who reaches the API.
    package var isPublic = false
    /// Anybody on this machine, over plain HTTP.
    package var listen: ListenAddress?

    package init() {}
}

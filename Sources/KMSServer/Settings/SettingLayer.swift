internal import Configuration

/// One source of settings: flags, environment, file or defaults. Each is checked on its own, so that a mistake is found
/// where it was made, also when another layer overrides it.
struct SettingLayer {
    let provider: any ConfigProvider
    /// The settings that the layer has, with the place of each for errors and `--check`.
    let origins: [String: String]

    /// Values that are text: flags and variables. swift-configuration parses them.
    init(texts: [String: (text: String, origin: String)]) {
        var variables: [String: String] = [:]
        for setting in Setting.all { variables[setting.variable] = texts[setting.name]?.text }
        provider = EnvironmentVariablesProvider(environmentVariables: variables).prefixKeys(with: "kmsd")
        origins = texts.mapValues(\.origin)
    }

    /// Values that have a type: the file's and the defaults.
    init(_ contents: [String: (content: ConfigContent, origin: String)]) {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for (name, entry) in contents {
            values[AbsoluteConfigKey(ConfigKey(name))] = ConfigValue(entry.content, isSecret: false)
        }
        provider = InMemoryProvider(values: values)
        origins = contents.mapValues(\.origin)
    }

    static var defaults: SettingLayer {
        var contents: [String: (content: ConfigContent, origin: String)] = [:]
        for setting in Setting.all { contents[setting.name] = setting.fallback.map { ($0, "default") } }
        return SettingLayer(contents)
    }

    /// Every `KMSD_…` variable that is a setting; an empty one counts as unset. One that looks like a setting of a table
    /// and is none is a mistake.
    static func environment(_ variables: [String: String]) throws(SettingError) -> SettingLayer {
        let known = Setting.all.map(\.variable)
        let tables = Setting.all.filter { $0.name.contains(".") }
            .map { "KMSD_" + $0.name.prefix { $0 != "." }.uppercased() + "_" }
        for variable in variables.keys.sorted() where tables.contains(where: variable.hasPrefix) {
            guard !known.contains(variable) else { continue }
            throw SettingError("\(variable): there is no such setting; known: \(known.joined(separator: ", "))")
        }
        var texts: [String: (text: String, origin: String)] = [:]
        for setting in Setting.all {
            guard let text = variables[setting.variable], !text.isEmpty else { continue }
            texts[setting.name] = (text, setting.variable)
        }
        return SettingLayer(texts: texts)
    }

    func check() throws(SettingError) {
        let reader = ConfigReader(provider: provider)
        for setting in Setting.all {
            guard let origin = origins[setting.name] else { continue }
            try check(setting, origin, in: reader)
        }
    }

    private func check(_ setting: Setting, _ origin: String, in reader: ConfigReader) throws(SettingError) {
        let key = ConfigKey(setting.name)
        let wrong = SettingError("\(origin): \(setting.name) must be \(setting.kind.name)")
        switch setting.kind {
        case .text:
            guard let text = reader.string(forKey: key), !text.isEmpty else { throw wrong }
        case .flag:
            guard reader.bool(forKey: key) != nil else { throw wrong }
        case .number(let range):
            guard let number = reader.int(forKey: key), range.contains(number) else { throw wrong }
        case .choice(let words):
            guard let word = reader.string(forKey: key), words.contains(word.lowercased()) else { throw wrong }
        case .addresses:
            guard let texts = reader.stringArray(forKey: key), !texts.isEmpty else { throw wrong }
            for text in texts { _ = try address(text, origin) }
        case .loopback:
            guard let text = reader.string(forKey: key) else { throw wrong }
            guard try address(text, origin).isLoopback else {
                throw SettingError(
                    "\(origin): \(setting.name) must be \(setting.kind.name), for it has neither TLS nor login; "
                        + "for others use /metrics of the API, with metrics.public if nobody shall log in")
            }
        }
    }

    private func address(_ text: String, _ origin: String) throws(SettingError) -> ListenAddress {
        do throws(SettingError) {
            return try ListenAddress(text)
        } catch {
            throw SettingError("\(origin): \(error.description)")
        }
    }
}

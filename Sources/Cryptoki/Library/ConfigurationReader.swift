internal import FoundationEssentials
internal import KMSBackend
internal import KMSConfiguration
internal import KMSSupport
internal import KMSTransport

/// Makes slots and log level of a file, checking every key against `ConfigurationKeys`.
struct ConfigurationReader {
    private let file: ConfigurationFile
    private let root: ConfigurationDocument.Table
    private(set) var warnings: [String] = []

    init(_ file: ConfigurationFile) throws(ConfigurationError) {
        self.file = file
        do {
            root = try ConfigurationDocument(file.bytes).root
        } catch {
            throw ConfigurationError(
                (error.line > 0 ? "\(file.path):\(error.line)" : file.path) + ": \(error.reason); the file is TOML:"
                    + " key = \"value\", one per line, strings in quotation marks")
        }
    }

    mutating func slots() throws(ConfigurationError) -> [ConfigurationSlot] {
        try check(root, against: ConfigurationKeys.top, place: "the configuration file")
        var base = ConfigurationSlot(origin: file.path)
        try apply(root, to: &base)
        guard let entry = root["slot"] else { return [base] }
        let tables: [ConfigurationDocument.Table]
        switch entry.value {
        case .tables(let several) where !several.isEmpty: tables = several
        default: throw error(entry.line, "slot must be written as [[slot]], once per slot")
        }
        var slots: [ConfigurationSlot] = []
        for table in tables {
            try check(table, against: ConfigurationKeys.slot, place: "[[slot]]")
            var slot = base
            slot.origin = "\(file.path):\(table.line)"
            try apply(table, to: &slot)
            if slots.contains(where: { $0.slot.label == slot.slot.label }) {
                throw error(
                    table.line, "two slots have the label \"\(slot.slot.label)\"; give each [[slot]] its own label")
            }
            slots.append(slot)
        }
        return slots
    }

    func logLevel() throws(ConfigurationError) -> Log.Level? {
        guard case .table(let table)? = root["log"]?.value, let entry = table["level"] else { return nil }
        guard let name = text(entry), let level = Log.Level(name: name) else {
            throw error(entry.line, "unknown log level; use off, error, warn, info or debug")
        }
        return level
    }

    // MARK: - Keys and types

    private mutating func check(
        _ table: ConfigurationDocument.Table, against keys: [ConfigurationKey], place: String
    ) throws(ConfigurationError) {
        for entry in table.entries {
            guard let key = keys.first(where: { $0.name == entry.key }) else {
                throw error(
                    entry.line,
                    "unknown key \"\(entry.key)\" in \(place); known keys: "
                        + keys.filter { !$0.isIgnored }.map(\.name).joined(separator: ", "))
            }
            switch (key.kind, entry.value) {
            case (.ignored(let reason), _): warn(entry.line, "\(key.name) has no effect: \(reason)")
            case (.text, .text), (.texts, .texts): continue
            case (.number(let range), .number(let number)) where range.contains(number): continue
            case (.table, .table(let inner)) where key.name == "log":
                try check(inner, against: ConfigurationKeys.log, place: "[log]")
            // Its own message is in `slots`.
            case (.table, _) where key.name == "slot": continue
            case (_, .number): throw error(entry.line, "\(key.name) must be \(key.kind.name)")
            default: throw error(entry.line, "\(key.name) must be \(key.kind.name), not \(entry.value.name)")
            }
        }
    }

    private func error(_ line: Int, _ message: String) -> ConfigurationError {
        ConfigurationError("\(place(line)): \(message)")
    }

    private mutating func warn(_ line: Int, _ message: String) { warnings.append("\(place(line)): \(message)") }

    private func place(_ line: Int) -> String { line > 0 ? "\(file.path):\(line)" : file.path }

    private func text(_ entry: ConfigurationDocument.Entry?) -> String? {
        if case .text(let text)? = entry?.value { text } else { nil }
    }

    private func number(_ entry: ConfigurationDocument.Entry?) -> Int? {
        if case .number(let number)? = entry?.value { number } else { nil }
    }

    // MARK: - A slot

    private mutating func apply(
        _ table: ConfigurationDocument.Table, to target: inout ConfigurationSlot
    ) throws(ConfigurationError) {
        try applyIdentity(table, to: &target.slot)
        if let endpoints = try endpoints(table) { target.slot.endpoints = endpoints }
        if let entry = table["api_key"], let key = text(entry) {
            target.credential = ConfigurationSlot.Credential(text: key, origin: "\(place(entry.line)): api_key")
            let isLiteral = !key.hasPrefix("file:") && !key.hasPrefix("env:")
            if isLiteral, file.isWorldReadable {
                warn(
                    entry.line,
                    "api_key can be read by every user of this machine; chmod 600 the file, or write file:/path or env:NAME"
                )
            }
        }
        try applyFiles(table, to: &target.slot)
        if let seconds = number(table["cache_ttl"]) { target.slot.cacheSeconds = seconds }
        if let limit = number(table["retry_timeout_millis"]) { target.slot.deadlineMilliseconds = limit }
        if let limit = number(table["failover_timeout_millis"]) { target.slot.failoverMilliseconds = limit }
        if let choice = try choice(EndpointChoice.self, table["endpoint_choice"]) {
            target.slot.endpointChoice = choice
        }
        if let which = try choice(VerifiedSignatures.self, table["verify_signatures"]) {
            target.slot.verifiedSignatures = which
        }
        if let limit = number(table["max_concurrent_requests_per_slot"]) {
            target.slot.maximumConcurrentRequests = limit
        }
    }

    private func applyIdentity(
        _ table: ConfigurationDocument.Table, to slot: inout Configuration.Slot
    ) throws(ConfigurationError) {
        if let entry = table["label"], let label = text(entry) {
            guard (1...32).contains(label.utf8.count), !label.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                throw error(entry.line, "label must have 1 to 32 bytes and no control characters")
            }
            slot.label = label
        }
        if let entry = table["backend"], let name = text(entry) {
            guard BackendTable.names.contains(name) else {
                throw error(
                    entry.line, "unknown backend \"\(name)\"; known: \(BackendTable.names.joined(separator: ", "))")
            }
            slot.backend = name
        }
        if let entry = table["session_keys"], let place = text(entry) {
            guard place == "kms" || place == "local" else {
                throw error(entry.line, "session_keys must be \"kms\" or \"local\"")
            }
            slot.hasLocalSessionKeys = place == "local"
        }
        if let entry = table["app_id"], let id = text(entry) {
            guard UUID(uuidString: id) != nil else {
                throw error(entry.line, "app_id must be the app's UUID, as the KMS shows it")
            }
            slot.appID = id
        }
    }

    /// One of the words that a key may have as value.
    private func choice<Value: RawRepresentable<String> & CaseIterable>(
        _ type: Value.Type, _ entry: ConfigurationDocument.Entry?
    ) throws(ConfigurationError) -> Value? {
        guard let entry, let word = text(entry) else { return nil }
        guard let value = Value(rawValue: word) else {
            let words = Value.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
            throw error(entry.line, "\(entry.key) must be \(words)")
        }
        return value
    }

    private func endpoints(_ table: ConfigurationDocument.Table) throws(ConfigurationError) -> [String]? {
        let addresses: [String]
        let entry: ConfigurationDocument.Entry
        switch (table["api_endpoint"], table["endpoints"]) {
        case (nil, nil): return nil
        case (_?, let both?): throw error(both.line, "api_endpoint and endpoints exclude each other; keep one")
        case (let single?, nil): (entry, addresses) = (single, text(single).map { [$0] } ?? [])
        case (nil, let several?):
            guard case .texts(let list) = several.value else { return nil }
            (entry, addresses) = (several, list)
        }
        var endpoints: [String] = []
        for address in addresses {
            do {
                endpoints.append(try EndpointURL(address).text)
            } catch let failure {
                throw error(entry.line, "\(entry.key): \(failure.reason)")
            }
        }
        return endpoints
    }

    // MARK: - Files

    private func applyFiles(
        _ table: ConfigurationDocument.Table, to slot: inout Configuration.Slot
    ) throws(ConfigurationError) {
        if let bytes = try pem(table["ca_certs_file"], "CERTIFICATE") { slot.caCertificates = bytes }
        switch (table["cert_file"], table["key_file"]) {
        case (nil, nil): return
        case (let entry?, nil): throw error(entry.line, "cert_file needs key_file, its private key")
        case (nil, let entry?): throw error(entry.line, "key_file needs cert_file, its certificate")
        case (let certificate?, let key?):
            slot.clientCertificate = try pem(certificate, "CERTIFICATE")
            if var bytes = try pem(key, "PRIVATE KEY") { slot.clientKey = Secret(copying: &bytes) }
        }
    }

    /// - Parameter kind: the end of the word in `-----BEGIN …-----`.
    private func pem(_ entry: ConfigurationDocument.Entry?, _ kind: String) throws(ConfigurationError) -> [UInt8]? {
        guard let entry, let name = text(entry) else { return nil }
        // The working directory of the host means nothing: a relative path is beside the configuration file.
        let folder = file.path.lastIndex(of: "/").map { String(file.path[...$0]) } ?? ""
        let path = name.hasPrefix("/") ? name : folder + name
        let bytes: [UInt8]
        do {
            bytes = try ConfigurationFile(path: path, limit: 16 << 20).bytes
        } catch let failure {
            throw error(entry.line, "\(entry.key): cannot read \(path): \(failure.reason)")
        }
        guard bytes.offset(of: "-----BEGIN ") != nil, bytes.offset(of: kind + "-----") != nil else {
            throw error(entry.line, "\(entry.key): \(path) holds no PEM block BEGIN \(kind); give the file in PEM form")
        }
        return bytes
    }
}

extension ConfigurationKey {
    fileprivate var isIgnored: Bool { if case .ignored = kind { true } else { false } }
}

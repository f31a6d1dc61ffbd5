internal import KMSConfiguration

/// A key of the configuration file: what it takes, what holds without it, and what it sets.
///
/// Reader, messages, `kmsctl config check` and the tests of sample and manual page follow the lists of these rows in
/// `ConfigurationKeys`.
package struct ConfigurationKey<Target>: Sendable {
    /// What a value does to a slot, or to the log's settings. The value has the right type.
    typealias Setter<Value> =
        @Sendable (inout Target, Value, ConfigurationEntry) throws(ConfigurationError) -> Void

    enum Kind: Sendable {
        case text(Setter<String>)
        /// An integer within these bounds.
        case number(ClosedRange<Int>, Setter<Int>)
        case flag(Setter<Bool>)
        case texts(Setter<[String]>)
        /// A path, or a table with these keys, of which `path` is one.
        case file([ConfigurationKey<Target>])
        /// Understood by the vendor's module and without effect here, whatever its type.
        case ignored(String)

        /// One of the words that are the raw values of a type.
        static func choice<Word: RawRepresentable<String> & CaseIterable & Sendable>(
            _ set: @escaping @Sendable (inout Target, Word) -> Void
        ) -> Kind {
            .text { (target, text, entry) throws(ConfigurationError) in
                guard let word = Word(rawValue: text) else {
                    let words = Word.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
                    throw entry.error("it must be \(words)")
                }
                set(&target, word)
            }
        }
    }

    package let name: String
    let kind: Kind
    /// What holds without the key, as one would write it, or in words.
    package let standard: String
    /// Of a number.
    package let unit: String?
    /// Keys of one group replace each other: a `[[slot]]` that has one inherits none of the others.
    let group: Group?
    /// The value is a secret, or may hold one, and is not shown.
    let isSecret: Bool

    enum Group: Sendable { case endpoints, authorities, client }

    init(
        _ name: String, _ kind: Kind, standard: String, unit: String? = nil, group: Group? = nil, isSecret: Bool = false
    ) {
        self.name = name
        self.kind = kind
        self.standard = standard
        self.unit = unit
        self.group = group
        self.isSecret = isSecret
    }

    package var isIgnored: Bool { if case .ignored = kind { true } else { false } }

    /// For messages and the manual page.
    package var type: String {
        switch kind {
        case .text: "a string"
        case .number(let range, _): "an integer from \(range.lowerBound) to \(range.upperBound)"
        case .flag: "true or false"
        case .texts: "an array of strings"
        case .file: "a string or a table"
        case .ignored: "anything"
        }
    }

    /// Whether a value has the key's type; nil: it has. A table's own keys are checked elsewhere.
    func problem(_ value: ConfigurationDocument.Value) -> String? {
        switch (kind, value) {
        case (.text, .text), (.flag, .boolean), (.texts, .texts), (.file, .text), (.file, .table), (.ignored, _): nil
        case (.number(let range, _), .number(let number)) where range.contains(number): nil
        case (.number, .number(let number)): "\(name) must be \(type), not \(number)"
        default: "\(name) must be \(type), not \(value.name)"
        }
    }

    func apply(_ entry: ConfigurationEntry, to target: inout Target) throws(ConfigurationError) {
        switch (kind, entry.value) {
        case (.text(let set), .text(let text)): try set(&target, text, entry)
        case (.number(_, let set), .number(let number)): try set(&target, number, entry)
        case (.flag(let set), .boolean(let flag)): try set(&target, flag, entry)
        case (.texts(let set), .texts(let texts)): try set(&target, texts, entry)
        case (.file(let keys), .text):
            for key in keys where key.name == "path" { try key.apply(entry, to: &target) }
        // In the order of the rows: the path comes first.
        case (.file(let keys), .table(let table)):
            for key in keys {
                guard let inner = table[key.name] else { continue }
                try key.apply(entry.with(inner), to: &target)
            }
        default: break
        }
    }
}

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

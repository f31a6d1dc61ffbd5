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
    /// What holds without the key, where that depends on others; nil: `standard`.
    let effective: (@Sendable (Target) -> String)?

    enum Group: Sendable { case endpoints, authorities, credential, client }

    init(
        _ name: String, _ kind: Kind, standard: String, unit: String? = nil, group: Group? = nil,
        isSecret: Bool = false, effective: (@Sendable (Target) -> String)? = nil
    ) {
        self.name = name
        self.kind = kind
        self.standard = standard
        self.unit = unit
        self.group = group
        self.isSecret = isSecret
        self.effective = effective
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

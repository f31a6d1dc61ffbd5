/// The set `key_ops`. Order means nothing, and values that we do not know are skipped when read.
package struct KeyOperations: Codable, Sendable, Hashable, ExpressibleByArrayLiteral {
    package var values: Set<KeyOperation>
    /// What was read and skipped: for a server, which must not grant less than was asked for without a word.
    package private(set) var unknown: [String] = []

    package init(_ values: some Sequence<KeyOperation>) { self.values = Set(values) }
    package init(arrayLiteral elements: KeyOperation...) { values = Set(elements) }

    /// The same operations, whatever was skipped.
    package static func == (left: KeyOperations, right: KeyOperations) -> Bool { left.values == right.values }

    package func hash(into hasher: inout Hasher) { hasher.combine(values) }

    package func contains(_ operation: KeyOperation) -> Bool { values.contains(operation) }

    package init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        values = []
        while !container.isAtEnd {
            let text = try container.decode(String.self)
            if let value = KeyOperation(wire: text) { values.insert(value) } else { unknown.append(text) }
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        for value in KeyOperation.allCases where values.contains(value) { try container.encode(value.rawValue) }
    }
}

/// The set `key_ops`. Order means nothing, and values that we do not know are skipped when read.
package struct KeyOperations: Codable, Sendable, Equatable, ExpressibleByArrayLiteral {
    package var values: Set<KeyOperation>

    package init(_ values: some Sequence<KeyOperation>) { self.values = Set(values) }
    package init(arrayLiteral elements: KeyOperation...) { values = Set(elements) }

    package func contains(_ operation: KeyOperation) -> Bool { values.contains(operation) }

    package init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        values = []
        while !container.isAtEnd {
            if let value = KeyOperation(wire: try container.decode(String.self)) { values.insert(value) }
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        for value in KeyOperation.allCases where values.contains(value) { try container.encode(value.rawValue) }
    }
}

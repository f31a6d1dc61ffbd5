/// An enumeration of the REST API: written in the API's spelling, read without regard to case, because the official
/// clients do not agree on it (`SHA256` and `Sha256`, `LUA` and `lua`).
package protocol WireEnum: RawRepresentable<String>, CaseIterable, Codable, Sendable, Hashable {}

extension WireEnum {
    package init?(wire text: String) {
        if let match = Self(rawValue: text) {
            self = match
            return
        }
        let wanted = text.lowercased()
        guard let match = Self.allCases.first(where: { $0.rawValue.lowercased() == wanted }) else { return nil }
        self = match
    }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let value = Self(wire: text) else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "unknown value \"\(text.prefix(64))\"; known: "
                        + Self.allCases.map(\.rawValue).joined(separator: " ")))
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

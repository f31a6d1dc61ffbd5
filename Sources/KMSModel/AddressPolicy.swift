/// `ip_address_policy` of an app: from where it may be used.
package enum AddressPolicy: Codable, Sendable, Equatable {
    case allowAll
    /// Addresses and CIDR ranges, as they were given.
    case whitelist([String])

    private static var allowAllName: String { "allow_all" }

    private enum CodingKeys: String, CodingKey {
        case whitelist
        case allowAll = "allow_all"
    }

    package init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            guard text.lowercased() == AddressPolicy.allowAllName else { throw AddressPolicy.unknown(decoder) }
            self = .allowAll
            return
        }
        guard let container = try? decoder.container(keyedBy: CodingKeys.self) else {
            throw AddressPolicy.unknown(decoder)
        }
        if container.contains(.whitelist) {
            self = .whitelist(try container.decode([String].self, forKey: .whitelist))
        } else if container.contains(.allowAll) {
            self = .allowAll
        } else {
            throw AddressPolicy.unknown(decoder)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .allowAll:
            var container = encoder.singleValueContainer()
            try container.encode(AddressPolicy.allowAllName)
        case .whitelist(let ranges):
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(ranges, forKey: .whitelist)
        }
    }

    private static func unknown(_ decoder: any Decoder) -> DecodingError {
        .dataCorrupted(
            .init(
                codingPath: decoder.codingPath,
                debugDescription: "expected \"allow_all\" or {\"whitelist\":[\"10.0.0.0/8\", …]}"))
    }
}

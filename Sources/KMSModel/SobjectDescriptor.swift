package import FoundationEssentials

/// How a request names a security object: exactly one of the fields.
package struct SobjectDescriptor: Codable, Sendable, Equatable {
    package var kid: String?
    package var name: String?
    /// What a transient key was answered with when it was made.
    package var transientKey: Data?

    package enum CodingKeys: String, CodingKey {
        case kid, name
        case transientKey = "transient_key"
    }

    package init(kid: String) { self.kid = kid }
    package init(name: String) { self.name = name }
    package init(transientKey: Data) { self.transientKey = transientKey }
}

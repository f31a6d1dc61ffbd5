/// `links` of a security object: other objects by their `kid`. The API spells these fields in camel case.
package struct ObjectLinks: Codable, Sendable, Equatable {
    /// The object that took this one's place when it was rotated.
    package var replacement: String?
    /// The object whose place this one took.
    package var replaced: String?
    package var copiedFrom: String?
    package var copiedTo: [String]?
    /// The key from which this one was derived.
    package var parent: String?
    /// The key with which this one was unwrapped.
    package var wrappingKey: String?

    package init() {}
}

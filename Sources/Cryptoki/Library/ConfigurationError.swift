/// The configuration cannot be used. `FILE:LINE: what is wrong; remedy`, or the variable in the place of the file; never
/// a credential.
package struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable {
        /// A key, a type, a value.
        case invalid
        /// A file is not there or cannot be read for another reason than the next.
        case unreadable
        /// A file may not be read by this user, or may be read by too many.
        case permission
    }

    package var description: String
    package var kind: Kind

    package init(_ description: String, _ kind: Kind = .invalid) {
        self.description = description
        self.kind = kind
    }
}

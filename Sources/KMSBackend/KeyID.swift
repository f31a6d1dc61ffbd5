/// The name of a key at the KMS, or of one that exists for a session only.
package struct KeyID: Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// Stored at the KMS; `text` is the KMS's own name of it (Fortanix: `kid`).
        case stored
        /// A transient key of the KMS; `text` is what the KMS wants back to use it (Fortanix: base64).
        case transient
        /// In this process only.
        case local
    }

    package let kind: Kind
    package let text: String

    package init(_ text: String, _ kind: Kind = .stored) {
        self.kind = kind
        self.text = text
    }

    /// For messages: a transient key's text is long and means nothing to a reader.
    package var description: String {
        switch kind {
        case .stored: text
        case .transient: "(transient key)"
        case .local: "(session key)"
        }
    }
}

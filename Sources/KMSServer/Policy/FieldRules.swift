/// Limits of the texts that clients store: names, descriptions, metadata.
package enum FieldRules {
    package static var longestName: Int { 4096 }
    package static var longestDescription: Int { 4096 }
    package static var mostMetadata: Int { 64 }
    /// In bytes of UTF-8.
    package static var longestMetadataKey: Int { 256 }
    package static var longestMetadataValue: Int { 4096 }

    /// - Throws: 400 for a name that the API does not allow.
    package static func name(_ name: String?) throws(KMSError) -> String {
        guard let name, name.contains(where: { !$0.isWhitespace }) else {
            throw .badRequest("Field \"name\" is missing or blank")
        }
        // Not `count`: one character may consist of any number of code points.
        guard name.unicodeScalars.count <= longestName else {
            throw .badRequest("Field \"name\" is longer than \(longestName) characters")
        }
        guard !name.unicodeScalars.contains(where: isDeceptive) else {
            throw .badRequest("Field \"name\" contains a line break or control character")
        }
        return name
    }

    package static func description(_ text: String?) throws(KMSError) -> String? {
        guard text?.unicodeScalars.count ?? 0 <= longestDescription else {
            throw .badRequest("Field \"description\" is longer than \(longestDescription) characters")
        }
        return text
    }

    package static func metadata(_ metadata: [String: String]?) throws(KMSError) -> [String: String]? {
        guard let metadata else { return nil }
        guard metadata.count <= mostMetadata else {
            throw .badRequest("Field \"custom_metadata\" has \(metadata.count) entries; \(mostMetadata) are allowed")
        }
        for (key, value) in metadata {
            guard key.utf8.count <= longestMetadataKey else {
                throw .badRequest("Field \"custom_metadata\": a key is longer than \(longestMetadataKey) bytes")
            }
            guard value.utf8.count <= longestMetadataValue else {
                throw .badRequest(
                    "Field \"custom_metadata\": a value is longer than \(longestMetadataValue) bytes")
            }
        }
        return metadata
    }

    /// Whether a character moves the cursor, ends a line or changes the direction of what follows: in a terminal or a
    /// listing such a name would pass for something else. C0, DEL, C1, line and paragraph separators, bidi controls.
    package static func isDeceptive(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}

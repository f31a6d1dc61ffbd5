internal import KMSModel

/// PKCS#11 attributes as entries of `custom_metadata`: "pkcs11-" before the name, the value percent-coded, so that any
/// bytes fit into a string.
enum FortanixMetadata {
    private static var prefix: String { "pkcs11-" }

    /// Longest value of an entry, in bytes: what the API allows for a name, too.
    private static var longestValue: Int { 4_096 }

    static func encode(_ attributes: [String: [UInt8]], doing: String) throws(BackendError) -> [String: String] {
        var metadata: [String: String] = [:]
        for (name, value) in attributes {
            let text = PercentCoding.encode(value)
            guard text.utf8.count <= longestValue else {
                throw BackendError(
                    .invalid,
                    "\(doing): the attribute \"\(name)\" takes \(text.utf8.count) bytes when percent-coded; the KMS "
                        + "stores \(longestValue)")
            }
            metadata[prefix + name] = text
        }
        return metadata
    }

    /// An entry that somebody else wrote and that is not percent-coded is left out, but for a label, which is then meant
    /// as it is.
    static func decode(_ metadata: [String: String]?) -> [String: [UInt8]] {
        var attributes: [String: [UInt8]] = [:]
        for (key, text) in metadata ?? [:] where key.hasPrefix(prefix) {
            let asItIs = key == PercentCoding.labelKey ? Array(text.utf8) : nil
            attributes[String(key.dropFirst(prefix.count))] = PercentCoding.decode(text) ?? asItIs
        }
        return attributes
    }

    /// The entries of an object after its attributes changed: a PATCH replaces all, and only some are ours.
    static func merge(
        _ attributes: [String: [UInt8]], into metadata: [String: String]?, doing: String
    ) throws(BackendError) -> [String: String] {
        var merged = try encode(attributes, doing: doing)
        for (key, value) in metadata ?? [:] where !key.hasPrefix(prefix) { merged[key] = value }
        return merged
    }
}

/// `name` of a security object.
enum FortanixName {
    /// In bytes; the API counts characters, which are not more.
    static var longest: Int { 4_096 }

    /// Whether an object can have this name: one line, not blank, not too long.
    static func isPossible(_ name: String) -> Bool {
        name.utf8.count <= longest && !name.utf8.contains { $0 == 0x0A || $0 == 0x0D }
            && name.unicodeScalars.contains { !$0.properties.isWhitespace }
    }
}

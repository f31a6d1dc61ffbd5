import ArgumentParser

/// The name of a virtual server, as clients send it in SNI.
enum HostName {
    /// In lower case; nil for what is no DNS name. It becomes a key of NGINX's store and the name of a file, so nothing
    /// but letters, digits, hyphens, underscores and dots gets through.
    static func parse(_ text: String) -> String? {
        let name = text.lowercased()
        guard (1...253).contains(name.utf8.count) else { return nil }
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let isName = labels.allSatisfy { label in
            (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
                && label.allSatisfy { byte in
                    switch byte {
                    case 0x30...0x39, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
                    default: false
                    }
                }
        }
        // An address is never sent in SNI.
        guard isName, let last = labels.last, !last.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return name
    }

    /// For ArgumentParser.
    static func argument(_ text: String) throws -> String {
        guard let name = parse(text) else {
            throw ValidationError("\"\(text)\" is no host name; give one that clients ask for, without a wildcard")
        }
        return name
    }
}

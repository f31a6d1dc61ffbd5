package import Hummingbird
package import KMSModel

/// The query string, with a sentence for every value that does not fit.
package struct Query {
    /// In order; a name may come twice, then the first counts.
    package let items: [(name: String, value: String)]

    /// - Throws: `KMSError` 400 for broken percent encoding.
    package init(_ request: Request) throws(KMSError) {
        var items: [(String, String)] = []
        for pair in (request.uri.query ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            items.append((try decode(parts[0]), parts.count > 1 ? try decode(parts[1]) : ""))
        }
        self.items = items
    }

    /// nil when absent or empty.
    package func text(_ name: String) -> String? {
        items.first { $0.name == name && !$0.value.isEmpty }?.value
    }

    /// A number too large to hold counts as the largest that can be held.
    package func number(_ name: String) throws(KMSError) -> Int? {
        guard let text = text(name) else { return nil }
        if text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), Int(text) == nil { return .max }
        guard let number = Int(text), number >= 0 else {
            throw .badRequest("Query parameter \"\(name)\" must be a number, 0 or more")
        }
        return number
    }

    /// What the most entries of a list are, unless the API has another number for it.
    package static var longestPage: Int { 1000 }

    /// - Parameter longest: what `limit` is at the most, and when it is absent.
    package func page(longest: Int = longestPage) throws(KMSError) -> (limit: Int, offset: Int) {
        (min(try number("limit") ?? longest, longest), try number("offset") ?? 0)
    }

    package func flag(_ name: String) throws(KMSError) -> Bool {
        switch text(name)?.lowercased() {
        case nil, "false": false
        case "true": true
        default: throw .badRequest("Query parameter \"\(name)\" must be true or false")
        }
    }

    package func value<Value: WireEnum>(_ name: String, as type: Value.Type) throws(KMSError) -> Value? {
        guard let text = text(name) else { return nil }
        guard let value = Value(wire: text) else {
            let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badRequest("Query parameter \"\(name)\" must be one of \(known)")
        }
        return value
    }
}

/// Form encoding: `+` is a space, as the official client sends it.
private func decode(_ text: Substring) throws(KMSError) -> String {
    let spaced = String(text.map { $0 == "+" ? " " : $0 })
    guard let bytes = PercentCoding.decode(spaced), let decoded = String(validating: bytes, as: UTF8.self) else {
        throw .badRequest("The query string is not valid percent-encoded UTF-8")
    }
    return decoded
}

internal import FoundationEssentials
package import GRDB
internal import KMSModel

/// The `filter` of a listing: a boolean expression over the attributes of security objects, for example
/// `{"$and":[{"obj_type":{"$eq":"AES"}},{"key_size":{"$gte":256}}]}`.
///
/// It becomes an SQL condition of fixed parts, with everything that came from outside as a bound argument.
package struct KeyFilter: Sendable {
    /// In bytes of UTF-8.
    package static var longestText: Int { 8_192 }
    /// Objects and lists within each other.
    package static var deepestNesting: Int { 8 }
    /// Comparisons, and values of one list.
    package static var mostConditions: Int { 64 }

    package let condition: String
    package let arguments: [DatabaseValue]

    /// - Throws: `KMSError` 400 that says which part is not understood.
    package init(_ text: String) throws(KMSError) {
        guard text.utf8.count <= KeyFilter.longestText else {
            throw KeyFilter.wrong("is longer than \(KeyFilter.longestText) bytes")
        }
        guard KeyFilter.nesting(text) <= KeyFilter.deepestNesting else {
            throw KeyFilter.wrong("is nested deeper than \(KeyFilter.deepestNesting) levels")
        }
        do throws(JSONCheck.Fault) {
            try JSONCheck.check(Array(text.utf8).span)
        } catch {
            throw KeyFilter.wrong(error.sentence)
        }
        guard let expression = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) else {
            throw KeyFilter.wrong("is not valid JSON")
        }
        var writer = Writer()
        condition = try writer.write(expression)
        arguments = writer.arguments
    }

    static func wrong(_ sentence: String) -> KMSError { .badRequest("Query parameter \"filter\" \(sentence)") }

    /// Brackets open at the same time, before anything is parsed; those inside of strings count, too, which no filter
    /// of a sensible size minds.
    private static func nesting(_ text: String) -> Int {
        var depth = 0
        var deepest = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            deepest = max(deepest, depth)
        }
        return deepest
    }
}

/// Walks over the expression and collects the arguments in the order of their places.
private struct Writer {
    var arguments: [DatabaseValue] = []
    private var conditions = 0

    mutating func write(_ expression: JSONValue) throws(KMSError) -> String {
        guard case .object(let members) = expression else {
            throw KeyFilter.wrong("must be a JSON object, and so must what $and, $or and $not combine")
        }
        guard !members.isEmpty else { throw KeyFilter.wrong("has an empty object where a condition is expected") }
        var parts: [String] = []
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            switch name {
            case "$and": parts.append(try combine(value, "AND", of: name))
            case "$or": parts.append(try combine(value, "OR", of: name))
            case "$not": parts.append("NOT \(try write(value))")
            default: parts.append(try compare(try KeyFilterField(name), value))
            }
        }
        return "(" + parts.joined(separator: " AND ") + ")"
    }

    private mutating func combine(
        _ value: JSONValue, _ word: String, of name: String
    ) throws(KMSError) -> String {
        guard case .array(let items) = value, !items.isEmpty else {
            throw KeyFilter.wrong("needs a list of conditions in \(name)")
        }
        var parts: [String] = []
        for item in items { parts.append(try write(item)) }
        return "(" + parts.joined(separator: " \(word) ") + ")"
    }

    private mutating func compare(_ field: KeyFilterField, _ value: JSONValue) throws(KMSError) -> String {
        guard case .object(let operators) = value else {
            return try compare(field, .equal, value)
        }
        guard !operators.isEmpty else { throw KeyFilter.wrong("has no operator for \(field.name)") }
        var parts: [String] = []
        for (name, operand) in operators.sorted(by: { $0.key < $1.key }) {
            guard let comparison = KeyFilterField.Comparison(rawValue: name) else {
                let known = KeyFilterField.Comparison.allCases.map(\.rawValue).joined(separator: " ")
                throw KeyFilter.wrong("has an unknown operator \(name.prefix(64).quoted); known: \(known)")
            }
            parts.append(try compare(field, comparison, operand))
        }
        return "(" + parts.joined(separator: " AND ") + ")"
    }

    private mutating func compare(
        _ field: KeyFilterField, _ comparison: KeyFilterField.Comparison, _ operand: JSONValue
    ) throws(KMSError) -> String {
        conditions += 1
        guard conditions <= KeyFilter.mostConditions else {
            throw KeyFilter.wrong("has more than \(KeyFilter.mostConditions) comparisons")
        }
        let (condition, added) = try field.condition(comparison, operand)
        arguments += added
        return condition
    }
}

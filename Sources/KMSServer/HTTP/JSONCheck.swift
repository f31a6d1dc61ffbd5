/// Looks over JSON from outside before it is decoded, and refuses what is no JSON (RFC 8259), what two readers could
/// take for two different things, and what would cost the decoder its stack: broken UTF-8, lone surrogates, NUL, a field
/// that comes twice in one object, deep nesting.
///
/// The decoder itself looks only at the fields it knows and keeps the last of two with one name.
package struct JSONCheck {
    /// Objects and arrays within each other. What the API knows needs half of it, in a batch of batches.
    package static var deepest: Int { 64 }
    /// The sum over all values of how many objects and arrays each is in: what the decoder's work grows with. A thousand
    /// new keys with 64 pieces of metadata each are half of it.
    package static var mostWork: Int { 1_000_000 }
    /// Values other than strings. Where any JSON is possible, the decoder tries for each of these, in some microseconds,
    /// what it could be. A thousand requests of a batch have a fifth of it.
    package static var mostOthers: Int { 50_000 }

    /// Says what is wrong with the text, as in "The request body …".
    package struct Fault: Error, Equatable {
        package let sentence: String
    }

    var index = 0
    private var depth = 0
    private var work = 0
    private var others = 0
    /// Names of the fields of all objects that are open: where they are, without the quotation marks.
    private var names: [Range<Int>] = []

    private init() {}

    package static func check(_ bytes: Span<UInt8>) throws(Fault) {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes)
        } catch {
            throw Fault(sentence: "is not valid JSON: it is not UTF-8 at byte \(error.byteOffsets.lowerBound)")
        }
        var check = JSONCheck()
        check.skipSpace(bytes)
        try check.value(bytes)
        check.skipSpace(bytes)
        guard check.index == bytes.count else { throw check.unexpected(bytes) }
    }

    private mutating func value(_ bytes: Span<UInt8>) throws(Fault) {
        work += depth
        if next(bytes) != UInt8(ascii: "\"") { others += 1 }
        guard work <= JSONCheck.mostWork, others <= JSONCheck.mostOthers else {
            throw Fault(sentence: "holds too many values; send them in parts")
        }
        switch next(bytes) {
        case UInt8(ascii: "{"): try object(bytes)
        case UInt8(ascii: "["): try array(bytes)
        case UInt8(ascii: "\""): _ = try string(bytes)
        case UInt8(ascii: "t"): try word("true", bytes)
        case UInt8(ascii: "f"): try word("false", bytes)
        case UInt8(ascii: "n"): try word("null", bytes)
        default: try number(bytes)
        }
    }

    // MARK: Objects and arrays

    private mutating func object(_ bytes: Span<UInt8>) throws(Fault) {
        try enter(bytes)
        let first = names.count
        var isPlain = true
        if next(bytes) == UInt8(ascii: "}") {
            index += 1
        } else {
            repeat {
                skipSpace(bytes)
                guard next(bytes) == UInt8(ascii: "\"") else { throw unexpected(bytes) }
                let begin = index + 1
                isPlain = try string(bytes) && isPlain
                names.append(begin..<index - 1)
                skipSpace(bytes)
                guard next(bytes) == UInt8(ascii: ":") else { throw unexpected(bytes) }
                index += 1
                skipSpace(bytes)
                try value(bytes)
            } while try goesOn(bytes, until: UInt8(ascii: "}"))
        }
        try JSONFieldNames(names[first...], isPlain: isPlain).check(bytes)
        names.removeLast(names.count - first)
        depth -= 1
    }

    private mutating func array(_ bytes: Span<UInt8>) throws(Fault) {
        try enter(bytes)
        if next(bytes) == UInt8(ascii: "]") {
            index += 1
        } else {
            repeat {
                skipSpace(bytes)
                try value(bytes)
            } while try goesOn(bytes, until: UInt8(ascii: "]"))
        }
        depth -= 1
    }

    private mutating func enter(_ bytes: Span<UInt8>) throws(Fault) {
        depth += 1
        guard depth <= JSONCheck.deepest else {
            throw Fault(sentence: "is nested deeper than \(JSONCheck.deepest) levels")
        }
        index += 1
        skipSpace(bytes)
    }

    /// Steps over the comma or the end after an element; answers whether another element must follow.
    private mutating func goesOn(_ bytes: Span<UInt8>, until end: UInt8) throws(Fault) -> Bool {
        skipSpace(bytes)
        let byte = next(bytes)
        guard byte == UInt8(ascii: ",") || byte == end else { throw unexpected(bytes) }
        index += 1
        return byte != end
    }

    // MARK: Steps

    /// 0, which no JSON holds, at the end.
    func next(_ bytes: Span<UInt8>) -> UInt8 { index < bytes.count ? bytes[index] : 0 }

    private mutating func skipSpace(_ bytes: Span<UInt8>) {
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): index += 1
            default: return
            }
        }
    }

    func unexpected(_ bytes: Span<UInt8>) -> Fault {
        index < bytes.count ? fault("an unexpected character") : Fault(sentence: "is not valid JSON: it is cut off")
    }

    func fault(_ text: String) -> Fault { Fault(sentence: "is not valid JSON: \(text) at byte \(index)") }
}

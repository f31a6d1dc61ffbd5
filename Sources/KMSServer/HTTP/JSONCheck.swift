internal import FoundationEssentials

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

    /// Says what is wrong with the text, as in "The request body …".
    package struct Fault: Error, Equatable {
        package let sentence: String
    }

    private var index = 0
    private var depth = 0
    private var work = 0
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
        guard work <= JSONCheck.mostWork else { throw Fault(sentence: "holds too many values; send them in parts") }
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
        try FieldNames(names[first...], isPlain: isPlain).check(bytes)
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

    // MARK: Strings

    /// Steps over a string; answers whether it is plain: ASCII, without escapes.
    private mutating func string(_ bytes: Span<UInt8>) throws(Fault) -> Bool {
        var isPlain = true
        index += 1
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                return isPlain
            case UInt8(ascii: "\\"):
                isPlain = false
                try escape(bytes)
            case 0..<0x20:
                throw fault("a bare control character")
            case 0x80...:
                isPlain = false
                index += 1
            default:
                index += 1
            }
        }
        throw unexpected(bytes)
    }

    private mutating func escape(_ bytes: Span<UInt8>) throws(Fault) {
        index += 1
        switch next(bytes) {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            index += 1
        case UInt8(ascii: "u"):
            let unit = try codeUnit(bytes)
            if unit == 0 { throw fault("\\u0000") }
            if UTF16.isTrailSurrogate(unit) { throw fault("half a surrogate pair") }
            guard UTF16.isLeadSurrogate(unit) else { return }
            guard next(bytes) == UInt8(ascii: "\\") else { throw fault("half a surrogate pair") }
            index += 1
            guard next(bytes) == UInt8(ascii: "u"), UTF16.isTrailSurrogate(try codeUnit(bytes)) else {
                throw fault("half a surrogate pair")
            }
        default:
            throw unexpected(bytes)
        }
    }

    /// The `u` of an escape and its four digits.
    private mutating func codeUnit(_ bytes: Span<UInt8>) throws(Fault) -> UInt16 {
        var unit: UInt16 = 0
        index += 1
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(next(bytes))).hexDigitValue else { throw unexpected(bytes) }
            unit = unit << 4 | UInt16(digit)
            index += 1
        }
        return unit
    }

    // MARK: Numbers and words

    private mutating func number(_ bytes: Span<UInt8>) throws(Fault) {
        if next(bytes) == UInt8(ascii: "-") { index += 1 }
        if next(bytes) == UInt8(ascii: "0") { index += 1 } else { try digits(bytes) }
        if next(bytes) == UInt8(ascii: ".") {
            index += 1
            try digits(bytes)
        }
        guard next(bytes) | 0x20 == UInt8(ascii: "e") else { return }
        index += 1
        if [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(next(bytes)) { index += 1 }
        try digits(bytes)
    }

    private mutating func digits(_ bytes: Span<UInt8>) throws(Fault) {
        guard JSONCheck.isDigit(next(bytes)) else { throw unexpected(bytes) }
        while JSONCheck.isDigit(next(bytes)) { index += 1 }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private mutating func word(_ word: StaticString, _ bytes: Span<UInt8>) throws(Fault) {
        for byte in UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount) {
            guard next(bytes) == byte else { throw unexpected(bytes) }
            index += 1
        }
    }

    // MARK: Steps

    /// 0, which no JSON holds, at the end.
    private func next(_ bytes: Span<UInt8>) -> UInt8 { index < bytes.count ? bytes[index] : 0 }

    private mutating func skipSpace(_ bytes: Span<UInt8>) {
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): index += 1
            default: return
            }
        }
    }

    private func unexpected(_ bytes: Span<UInt8>) -> Fault {
        index < bytes.count ? fault("an unexpected character") : Fault(sentence: "is not valid JSON: it is cut off")
    }

    private func fault(_ text: String) -> Fault { Fault(sentence: "is not valid JSON: \(text) at byte \(index)") }
}

/// The names of one object's fields, which must differ.
private struct FieldNames {
    /// Up to so many are compared with each other, which is faster than making texts of them.
    private static var few: Int { 16 }

    let places: ArraySlice<Range<Int>>
    /// Whether all are ASCII without escapes, so that equal names are equal bytes.
    let isPlain: Bool

    init(_ places: ArraySlice<Range<Int>>, isPlain: Bool) {
        self.places = places
        self.isPlain = isPlain
    }

    func check(_ bytes: Span<UInt8>) throws(JSONCheck.Fault) {
        guard places.count > 1 else { return }
        guard isPlain, places.count <= FieldNames.few else { return try checkTexts(bytes) }
        for later in places.indices.dropFirst() {
            for earlier in places[..<later] where FieldNames.areEqual(earlier, places[later], bytes) {
                throw twice(text(places[later], bytes))
            }
        }
    }

    private static func areEqual(_ left: Range<Int>, _ right: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for offset in 0..<left.count {
            guard bytes[left.lowerBound + offset] == bytes[right.lowerBound + offset] else { return false }
        }
        return true
    }

    /// As texts, without escapes: `"k\u0065y"` is `"key"`. Like the decoder's, the comparison is Unicode's.
    private func checkTexts(_ bytes: Span<UInt8>) throws(JSONCheck.Fault) {
        var names = places.map { text($0, bytes) }
        if !isPlain {
            let list = "[\"" + names.joined(separator: "\",\"") + "\"]"
            guard let decoded = try? JSONDecoder().decode([String].self, from: Data(list.utf8)) else {
                throw JSONCheck.Fault(sentence: "is not valid JSON: the name of a field cannot be read")
            }
            names = decoded
        }
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted { throw twice(name) }
    }

    private func text(_ place: Range<Int>, _ bytes: Span<UInt8>) -> String {
        var text: [UInt8] = []
        for index in place { text.append(bytes[index]) }
        return String(decoding: text, as: UTF8.self)
    }

    private func twice(_ name: String) -> JSONCheck.Fault {
        JSONCheck.Fault(sentence: "has the field \(name.prefix(64).quoted) twice in one object; send it once")
    }
}

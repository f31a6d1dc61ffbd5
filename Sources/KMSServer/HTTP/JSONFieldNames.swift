internal import FoundationEssentials

/// The names of one object's fields, which must differ.
struct JSONFieldNames {
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
        guard isPlain, places.count <= JSONFieldNames.few else { return try checkTexts(bytes) }
        for later in places.indices.dropFirst() {
            for earlier in places[..<later] where JSONFieldNames.areEqual(earlier, places[later], bytes) {
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

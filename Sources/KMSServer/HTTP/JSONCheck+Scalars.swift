/// Strings, numbers and words.
extension JSONCheck {
    /// Steps over a string; answers whether it is plain: ASCII, without escapes.
    mutating func string(_ bytes: Span<UInt8>) throws(Fault) -> Bool {
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

    mutating func number(_ bytes: Span<UInt8>) throws(Fault) {
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

    mutating func word(_ word: StaticString, _ bytes: Span<UInt8>) throws(Fault) {
        for byte in UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount) {
            guard next(bytes) == byte else { throw unexpected(bytes) }
            index += 1
        }
    }
}

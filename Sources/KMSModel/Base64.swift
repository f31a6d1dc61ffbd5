/// Base64 with padding (RFC 4648 section 4), between bytes that are in memory already.
///
/// `Data` does the same. But making one and giving it back takes twice as long as decoding a signature, and encoding a
/// digest with it longer than writing all other fields of its request.
enum Base64 {
    /// Characters for so many bytes.
    static func length(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// - Parameter text: has room for `length(bytes.count)` characters.
    static func write(_ bytes: UnsafeRawBufferPointer, to text: UnsafeMutablePointer<UInt8>) {
        guard var byte = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
        let alphabet = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" as StaticString).utf8Start
        var text = text
        for _ in 0..<bytes.count / 3 {
            text[0] = alphabet[Int(byte[0] >> 2)]
            text[1] = alphabet[Int((byte[0] & 3) << 4 | byte[1] >> 4)]
            text[2] = alphabet[Int((byte[1] & 15) << 2 | byte[2] >> 6)]
            text[3] = alphabet[Int(byte[2] & 63)]
            byte += 3
            text += 4
        }
        let left = bytes.count % 3
        guard left > 0 else { return }
        let second = left == 2 ? byte[1] : 0
        text[0] = alphabet[Int(byte[0] >> 2)]
        text[1] = alphabet[Int((byte[0] & 3) << 4 | second >> 4)]
        text[2] = left == 2 ? alphabet[Int((second & 15) << 2)] : UInt8(ascii: "=")
        text[3] = UInt8(ascii: "=")
    }

    /// nil for what is not base64, or has bits that no byte has.
    static func read(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var digits = text.count
        while digits > 0, text.count - digits < 2, text[digits - 1] == UInt8(ascii: "=") { digits -= 1 }
        let groups = (digits + 7) / 8
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: groups * 8) { values in
            // A loop of its own, without branches, is done many bytes at a time.
            var all: UInt8 = 0
            for index in 0..<digits {
                let value = value(text[index])
                values[index] = value
                all |= value
            }
            guard all < 64 else { return nil }
            for index in digits..<values.count { values[index] = 0 }
            let unused: UInt8 = digits == text.count ? 0 : text.count - digits == 1 ? 3 : 15
            guard unused == 0 || values[digits - 1] & unused == 0 else { return nil }
            return Array(unsafeUninitializedCapacity: groups * 6 + 2) { bytes, count in
                join(UnsafeRawBufferPointer(values), in: UnsafeMutableRawBufferPointer(bytes), groups)
                count = digits * 3 / 4
            }
        }
    }

    /// Makes six bytes of eight values of six bits, by joining neighbours to twelve, 24 and 48 bits. Writes two bytes more
    /// than it makes, which the next ones replace.
    private static func join(
        _ values: UnsafeRawBufferPointer, in bytes: UnsafeMutableRawBufferPointer, _ groups: Int
    ) {
        guard var value = values.baseAddress, var byte = bytes.baseAddress else { return }
        for _ in 0..<groups {
            var bits = UInt64(bigEndian: value.loadUnaligned(as: UInt64.self))
            bits = bits & 0x003F_003F_003F_003F | (bits & 0x3F00_3F00_3F00_3F00) >> 2
            bits = bits & 0x0000_0FFF_0000_0FFF | (bits & 0x0FFF_0000_0FFF_0000) >> 4
            bits = bits & 0x0000_0000_00FF_FFFF | (bits & 0x00FF_FFFF_0000_0000) >> 8
            byte.storeBytes(of: (bits << 16).bigEndian, as: UInt64.self)
            value += 8
            byte += 6
        }
    }

    /// 255 for a character that base64 does not have.
    private static func value(_ character: UInt8) -> UInt8 {
        var value: UInt8 = 255
        value = character &- UInt8(ascii: "A") < 26 ? character &- UInt8(ascii: "A") : value
        value = character &- UInt8(ascii: "a") < 26 ? character &- (UInt8(ascii: "a") - 26) : value
        value = character &- UInt8(ascii: "0") < 10 ? character &+ (52 - UInt8(ascii: "0")) : value
        value = character == UInt8(ascii: "+") ? 62 : value
        return character == UInt8(ascii: "/") ? 63 : value
    }
}

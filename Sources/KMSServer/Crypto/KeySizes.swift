package import KMSModel

/// Sizes of symmetric keys: `key_size` in bits against the bytes of the value.
///
/// DES3 counts without its parity bits, 112 or 168, as the API does; a request may as well say 128 or 192.
package enum KeySizes {
    /// - Throws: 400 that lists the sizes there are.
    /// - Returns: the length of the value in bytes.
    package static func bytes(_ type: ObjectType, bits: Int) throws(KMSError) -> Int {
        let count: Int? =
            switch type {
            case .aes: [128, 192, 256].contains(bits) ? bits / 8 : nil
            case .des3: [112: 16, 128: 16, 168: 24, 192: 24][bits]
            case .hmac: hmacBits.contains(bits) && bits.isMultiple(of: 8) ? bits / 8 : nil
            default: bits > 0 && bits.isMultiple(of: 8) ? bits / 8 : nil
            }
        guard let count else { throw .badRequest("Field \"key_size\": \(possible(type)), and not \(bits)") }
        return count
    }

    /// - Throws: 400 for a value of a length that no key of the type has.
    /// - Returns: `key_size` in bits.
    package static func bits(_ type: ObjectType, bytes: Int) throws(KMSError) -> Int {
        let isRight: Bool =
            switch type {
            case .aes: [16, 24, 32].contains(bytes)
            case .des3: [16, 24].contains(bytes)
            case .hmac: (1...hmacBits.upperBound / 8).contains(bytes)
            default: true
            }
        guard isRight else { throw .badRequest("Field \"value\" has \(bytes) bytes; \(possible(type))") }
        return type == .des3 ? bytes * 7 : bytes * 8
    }

    private static var hmacBits: ClosedRange<Int> { 8...8192 }

    private static func possible(_ type: ObjectType) -> String {
        switch type {
        case .aes: "AES keys have 128, 192 or 256 bits"
        case .des3: "DES3 keys have 112 bits (16 bytes with parity) or 168 (24 bytes)"
        case .hmac: "HMAC keys have \(hmacBits.lowerBound) to \(hmacBits.upperBound) bits, in steps of 8"
        default: "values have whole bytes"
        }
    }
}

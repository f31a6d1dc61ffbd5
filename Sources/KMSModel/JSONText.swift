package import FoundationEssentials

/// A JSON object written field by field, for the few answers and records that are made thousands of times a second:
/// `JSONEncoder` takes some ten microseconds for one of them, this one less than one.
package struct JSONText: Sendable {
    /// Without the closing brace.
    private var bytes: [UInt8] = []
    private var isEmpty = true

    package init(reserving count: Int = 256) {
        bytes.reserveCapacity(count)
        bytes.append(UInt8(ascii: "{"))
    }

    /// The whole object.
    package consuming func finish() -> [UInt8] {
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// nil becomes `null`.
    package mutating func add(_ name: StaticString, _ value: String?) {
        begin(name)
        if let value { append(value) } else { bytes.append(contentsOf: "null".utf8) }
    }

    package mutating func add(_ name: StaticString, _ values: [String]) {
        begin(name)
        bytes.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(value)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    package mutating func add(_ name: StaticString, _ value: Int) {
        begin(name)
        bytes.append(contentsOf: String(value).utf8)
    }

    package mutating func add(_ name: StaticString, base64 value: Data) {
        begin(name)
        value.withUnsafeBytes { append(base64: $0) }
    }

    package mutating func add(_ name: StaticString, base64 value: [UInt8]) {
        begin(name)
        value.withUnsafeBytes { append(base64: $0) }
    }

    /// An object that `fill` writes.
    package mutating func add(_ name: StaticString, _ fill: (inout JSONText) -> Void) {
        begin(name)
        bytes.append(UInt8(ascii: "{"))
        isEmpty = true
        fill(&self)
        bytes.append(UInt8(ascii: "}"))
        isEmpty = false
    }

    package mutating func add(_ name: StaticString, _ object: JSONText?) {
        begin(name)
        if let object { bytes.append(contentsOf: object.finish()) } else { bytes.append(contentsOf: "null".utf8) }
    }

    package mutating func add(_ name: StaticString, _ objects: [JSONText]) {
        begin(name)
        bytes.append(UInt8(ascii: "["))
        for (index, object) in objects.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: object.finish())
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// - Parameter value: JSON.
    package mutating func add(_ name: StaticString, raw value: [UInt8]) {
        begin(name)
        bytes.append(contentsOf: value)
    }

    /// - Parameter name: ASCII that needs no escape.
    private mutating func begin(_ name: StaticString) {
        if !isEmpty { bytes.append(UInt8(ascii: ",")) }
        isEmpty = false
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    /// RFC 4648 section 4. Not `Data.base64EncodedString`, which takes longer than all other fields together.
    private mutating func append(base64 value: UnsafeRawBufferPointer) {
        bytes.reserveCapacity(bytes.count + (value.count + 2) / 3 * 4 + 2)
        bytes.append(UInt8(ascii: "\""))
        for start in stride(from: 0, to: value.count, by: 3) {
            let left = value.count - start
            let second = left > 1 ? UInt32(value[start + 1]) : 0
            let third = left > 2 ? UInt32(value[start + 2]) : 0
            let word = UInt32(value[start]) << 16 | second << 8 | third
            bytes.append(JSONText.digit(word >> 18))
            bytes.append(JSONText.digit(word >> 12))
            bytes.append(left > 1 ? JSONText.digit(word >> 6) : UInt8(ascii: "="))
            bytes.append(left > 2 ? JSONText.digit(word) : UInt8(ascii: "="))
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Of the lowest six bits.
    private static func digit(_ value: UInt32) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: value & 63)
        return switch value {
        case 0..<26: UInt8(ascii: "A") + value
        case 26..<52: UInt8(ascii: "a") + (value - 26)
        case 52..<62: UInt8(ascii: "0") + (value - 52)
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }

    /// Escaped are, as RFC 8259 section 7 demands, quotation mark, backslash and control characters.
    private mutating func append(_ value: String) {
        var value = value
        bytes.append(UInt8(ascii: "\""))
        value.withUTF8 { text in
            // Without branches, many bytes at a time.
            var escapes: UInt8 = 0
            for byte in text { escapes |= (byte < 0x20 ? 1 : 0) | (byte == 0x22 ? 1 : 0) | (byte == 0x5C ? 1 : 0) }
            if escapes > 0 {
                for byte in text { append(escaping: byte) }
            } else {
                bytes.append(contentsOf: text)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(escaping byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(byte)
        case 0..<0x20:
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(contentsOf: "\\u00".utf8)
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        default:
            bytes.append(byte)
        }
    }
}

extension AuditRecord {
    /// The same fields as `encode(to:)` writes, in the order of their names.
    package var json: [UInt8] {
        var text = JSONText(reserving: 768)
        text.add("acct_id", acctID)
        text.add("action_type", actionType)
        text.add("actor_id", actorID)
        text.add("actor_type", actorType)
        text.add("client_ip", clientIP)
        text.add("group_ids", groupIDs)
        text.add("message", message)
        text.add("object_id", objectID)
        if let outcome { text.add("outcome", outcome) }
        text.add("response_time", responseTime?.json)
        text.add("severity", severity)
        text.add("time", time)
        return text.finish()
    }
}

extension AuditRecord.Duration {
    fileprivate var json: JSONText {
        var text = JSONText(reserving: 48)
        text.add("nanos", nanos)
        text.add("secs", secs)
        return text
    }
}

extension SignResponse {
    package var json: JSONText {
        var text = JSONText(reserving: 1024)
        if let kid { text.add("kid", kid) }
        text.add("signature", base64: signature)
        return text
    }
}

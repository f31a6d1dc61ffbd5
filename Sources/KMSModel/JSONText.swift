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
        let comma = isEmpty ? 0 : 1
        isEmpty = false
        let count = name.utf8CodeUnitCount
        append(comma + count + 3) { text in
            text[0] = UInt8(ascii: ",")
            text[comma] = UInt8(ascii: "\"")
            (text + comma + 1).update(from: name.utf8Start, count: count)
            text[comma + count + 1] = UInt8(ascii: "\"")
            text[comma + count + 2] = UInt8(ascii: ":")
        }
    }

    private mutating func append(base64 value: UnsafeRawBufferPointer) {
        let count = Base64.length(value.count)
        append(count + 2) { text in
            text[0] = UInt8(ascii: "\"")
            Base64.write(value, to: text + 1)
            text[count + 1] = UInt8(ascii: "\"")
        }
    }

    private mutating func append(quoted value: UnsafeBufferPointer<UInt8>) {
        append(value.count + 2) { text in
            text[0] = UInt8(ascii: "\"")
            if let start = value.baseAddress { (text + 1).update(from: start, count: value.count) }
            text[value.count + 1] = UInt8(ascii: "\"")
        }
    }

    /// Several bytes at once: appending them one by one takes longer than all else here.
    ///
    /// - Parameter fill: writes exactly `count` bytes.
    @inline(__always)
    private mutating func append(_ count: Int, _ fill: (UnsafeMutablePointer<UInt8>) -> Void) {
        bytes.append(addingCapacity: count) { span in
            span.withUnsafeMutableBufferPointer { room, initialized in
                guard let start = room.baseAddress else { return }
                fill(start + initialized)
                initialized += count
            }
        }
    }

    /// Escaped are, as RFC 8259 section 7 demands, quotation mark, backslash and control characters.
    private mutating func append(_ value: String) {
        var value = value
        value.withUTF8 { text in
            // Without branches, many bytes at a time.
            var escapes: UInt8 = 0
            for byte in text { escapes |= (byte < 0x20 ? 1 : 0) | (byte == 0x22 ? 1 : 0) | (byte == 0x5C ? 1 : 0) }
            if escapes > 0 { append(escaping: text) } else { append(quoted: text) }
        }
    }

    private mutating func append(escaping text: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text { append(escaping: byte) }
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

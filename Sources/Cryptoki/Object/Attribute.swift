package import CPKCS11

/// The attributes of one object, in the form in which C_GetAttributeValue hands them out.
///
/// One block of bytes with an index instead of a dictionary of arrays: a token may hold ten thousand keys with some
/// thirty attributes each.
package struct AttributeSet: Sendable {
    private struct Entry {
        var type: CK_ATTRIBUTE_TYPE
        var offset: UInt32
        var count: UInt32
        var isSensitive: Bool
    }

    private var entries: [Entry] = []
    private var bytes: [UInt8] = []

    package enum Value {
        case bytes(ArraySlice<UInt8>)
        /// Exists, but may not be read.
        case sensitive
    }

    package init() {}

    /// Memory that the values take, in bytes.
    package var byteCount: Int { bytes.count }

    package mutating func set(_ type: CK_ATTRIBUTE_TYPE, _ value: some Sequence<UInt8>) {
        let offset = bytes.count
        bytes.append(contentsOf: value)
        guard let start = UInt32(exactly: offset), let count = UInt32(exactly: bytes.count - offset) else { return }
        entries.append(Entry(type: type, offset: start, count: count, isSensitive: false))
    }

    package mutating func set(_ type: CK_ATTRIBUTE_TYPE, _ value: Bool) { set(type, [value ? CK_TRUE : CK_FALSE]) }

    package mutating func set(_ type: CK_ATTRIBUTE_TYPE, _ value: CK_ULONG) {
        set(type, withUnsafeBytes(of: value) { Array($0) })
    }

    package mutating func setSensitive(_ type: CK_ATTRIBUTE_TYPE) {
        entries.append(Entry(type: type, offset: 0, count: 0, isSensitive: true))
    }

    package subscript(type: CK_ATTRIBUTE_TYPE) -> Value? {
        guard let entry = entries.first(where: { $0.type == type }) else { return nil }
        if entry.isSensitive { return .sensitive }
        return .bytes(bytes[Int(entry.offset)..<Int(entry.offset) + Int(entry.count)])
    }

    /// Whether the object has this very value. A sensitive attribute matches nothing: a search must not become an
    /// oracle.
    package func matches(_ type: CK_ATTRIBUTE_TYPE, _ value: some Collection<UInt8>) -> Bool {
        guard case .bytes(let own) = self[type] else { return false }
        return own.elementsEqual(value)
    }
}

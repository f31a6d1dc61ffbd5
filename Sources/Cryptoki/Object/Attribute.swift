package import CPKCS11
internal import KMSSupport

/// The attributes of one object, in the form in which C_GetAttributeValue hands them out.
///
/// One block of bytes with an index instead of a dictionary of arrays: a token may hold ten thousand keys with some
/// thirty attributes each.
package struct AttributeSet: Sendable {
    private enum Access: UInt8 { case open, sensitive, exported }

    private struct Entry {
        var type: CK_ATTRIBUTE_TYPE
        var offset: UInt32
        var count: UInt32
        var access: Access
    }

    private var entries: [Entry] = []
    private var bytes: [UInt8] = []

    package enum Value {
        case bytes(ArraySlice<UInt8>)
        /// Exists, but may not be read.
        case sensitive
        /// May be read, and must be asked for: the KMS gives it only in an export.
        case exported
    }

    package init() {}

    /// Memory that the values take, in bytes.
    package var byteCount: Int { bytes.count }

    package mutating func set(_ type: CK_ATTRIBUTE_TYPE, _ value: some Sequence<UInt8>) {
        let offset = bytes.count
        bytes.append(contentsOf: value)
        guard let start = UInt32(exactly: offset), let count = UInt32(exactly: bytes.count - offset) else { return }
        place(Entry(type: type, offset: start, count: count, access: .open))
    }

    package mutating func set(_ type: CK_ATTRIBUTE_TYPE, _ value: Bool) { set(type, [value ? CK_TRUE : CK_FALSE]) }

    package mutating func set(_ type: CK_ATTRIBUTE_TYPE, _ value: CK_ULONG) { set(type, value.bytes) }

    /// A secret part of a key.
    package mutating func setSecret(_ type: CK_ATTRIBUTE_TYPE, isReadable: Bool) {
        place(Entry(type: type, offset: 0, count: 0, access: isReadable ? .exported : .sensitive))
    }

    private mutating func place(_ entry: Entry) {
        if let index = entries.firstIndex(where: { $0.type == entry.type }) {
            entries[index] = entry
        } else {
            entries.append(entry)
        }
    }

    /// Overwrites the values, for a set with secret parts of a key.
    mutating func wipe() { bytes.withUnsafeMutableBytes { Secret.wipe($0) } }

    package subscript(type: CK_ATTRIBUTE_TYPE) -> Value? {
        guard let entry = entries.first(where: { $0.type == type }) else { return nil }
        switch entry.access {
        case .open: return .bytes(bytes[Int(entry.offset)..<Int(entry.offset) + Int(entry.count)])
        case .sensitive: return .sensitive
        case .exported: return .exported
        }
    }

    /// The value, where it is at hand.
    package func value(_ type: CK_ATTRIBUTE_TYPE) -> [UInt8]? {
        guard case .bytes(let bytes) = self[type] else { return nil }
        return Array(bytes)
    }

    /// false also for an attribute that the object does not have.
    package func flag(_ type: CK_ATTRIBUTE_TYPE) -> Bool {
        guard case .bytes(let bytes) = self[type] else { return false }
        return bytes.count == 1 && bytes.first == CK_TRUE
    }

    package func number(_ type: CK_ATTRIBUTE_TYPE) -> CK_ULONG? { value(type)?.number }

    /// Whether the object has this very value. A sensitive attribute matches nothing: a search must not become an
    /// oracle. Nor does one that an export would have to tell.
    package func matches(_ type: CK_ATTRIBUTE_TYPE, _ value: some Collection<UInt8>) -> Bool {
        guard case .bytes(let own) = self[type] else { return false }
        return own.elementsEqual(value)
    }
}

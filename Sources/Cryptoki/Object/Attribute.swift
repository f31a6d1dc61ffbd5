package import CPKCS11
internal import KMSSupport

/// The attributes of one object, in the form in which C_GetAttributeValue hands them out.
///
/// One block of bytes with an index instead of a dictionary of arrays: a token may hold ten thousand keys with some
/// thirty attributes each. Most of these have the same index.
package struct AttributeSet: Sendable {
    fileprivate enum Access: UInt32 { case open, sensitive, exported }

    /// Twelve bytes.
    struct Entry: Hashable {
        fileprivate var type: UInt32
        fileprivate var offset: UInt32
        /// In the lowest two bits the access, above them the length.
        private var packed: UInt32

        /// nil for numbers that no attribute has.
        fileprivate init?(_ type: CK_ATTRIBUTE_TYPE, offset: Int, count: Int, _ access: Access) {
            guard let type = UInt32(exactly: type), let offset = UInt32(exactly: offset), count < 1 << 30 else {
                return nil
            }
            self.type = type
            self.offset = offset
            packed = UInt32(count) << 2 | access.rawValue
        }

        fileprivate var access: Access { Access(rawValue: packed & 3) ?? .sensitive }
        fileprivate var range: Range<Int> { Int(offset)..<Int(offset) + Int(packed >> 2) }
    }

    private var entries: [Entry] = []
    private var bytes: [UInt8] = []

    /// A value of at least so many bytes may be part of another one, as the modulus is of the public key.
    private static var smallestShared: Int { 64 }

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

    package mutating func set(_ type: CK_ATTRIBUTE_TYPE, _ value: some Collection<UInt8>) {
        let count = value.count
        let shared = count < AttributeSet.smallestShared ? nil : bytes.offset(of: value)
        if shared == nil { bytes.append(contentsOf: value) }
        place(Entry(type, offset: shared ?? bytes.count - count, count: count, .open))
    }

    package mutating func set(_ type: CK_ATTRIBUTE_TYPE, _ value: Bool) { set(type, [value ? CK_TRUE : CK_FALSE]) }

    package mutating func set(_ type: CK_ATTRIBUTE_TYPE, _ value: CK_ULONG) { set(type, value.bytes) }

    /// A secret part of a key.
    package mutating func setSecret(_ type: CK_ATTRIBUTE_TYPE, isReadable: Bool) {
        place(Entry(type, offset: 0, count: 0, isReadable ? .exported : .sensitive))
    }

    private mutating func place(_ entry: Entry?) {
        guard let entry else { return }
        if let index = entries.firstIndex(where: { $0.type == entry.type }) {
            entries[index] = entry
        } else {
            entries.append(entry)
        }
    }

    /// Gives back what is not needed.
    mutating func settle(_ layouts: inout AttributeLayouts) {
        entries = layouts.shared(entries)
        bytes = Array(unsafeUninitializedCapacity: bytes.count) { room, count in
            count = room.initialize(fromContentsOf: bytes)
        }
    }

    /// Overwrites the values, for a set with secret parts of a key.
    mutating func wipe() { bytes.withUnsafeMutableBytes { Secret.wipe($0) } }

    package subscript(type: CK_ATTRIBUTE_TYPE) -> Value? {
        guard let entry = entry(type) else { return nil }
        switch entry.access {
        case .open: return .bytes(bytes[entry.range])
        case .sensitive: return .sensitive
        case .exported: return .exported
        }
    }

    private func entry(_ type: CK_ATTRIBUTE_TYPE) -> Entry? {
        guard let type = UInt32(exactly: type) else { return nil }
        return entries.first { $0.type == type }
    }

    /// The value, where it is at hand.
    package func value(_ type: CK_ATTRIBUTE_TYPE) -> [UInt8]? {
        guard case .bytes(let bytes) = self[type] else { return nil }
        return Array(bytes)
    }

    /// false also for an attribute that the object does not have.
    package func flag(_ type: CK_ATTRIBUTE_TYPE) -> Bool {
        guard let entry = entry(type), entry.access == .open else { return false }
        return entry.range.count == 1 && bytes[entry.range.lowerBound] == CK_TRUE
    }

    package func number(_ type: CK_ATTRIBUTE_TYPE) -> CK_ULONG? { value(type)?.number }

    /// Whether the object has this very value. A sensitive attribute matches nothing: a search must not become an
    /// oracle. Nor does one that an export would have to tell.
    package func matches(_ type: CK_ATTRIBUTE_TYPE, _ value: some Collection<UInt8>) -> Bool {
        guard case .bytes(let own) = self[type] else { return false }
        return own.elementsEqual(value)
    }
}

/// The indexes of attribute sets, each once. They differ by kind of object and by the lengths of labels.
struct AttributeLayouts: Sendable {
    private var known: Set<[AttributeSet.Entry]> = []

    /// Labels of every length must not fill the memory.
    private static var limit: Int { 1_000 }

    mutating func shared(_ layout: [AttributeSet.Entry]) -> [AttributeSet.Entry] {
        if known.count >= AttributeLayouts.limit { known = [] }
        return known.insert(layout).memberAfterInsert
    }
}

extension [UInt8] {
    /// Where `part` begins in it.
    fileprivate func offset(of part: some Collection<UInt8>) -> Int? {
        guard let first = part.first, part.count <= count else { return nil }
        return withUnsafeBufferPointer { all in
            (0...all.count - part.count).first { all[$0] == first && all[$0...].starts(with: part) }
        }
    }
}

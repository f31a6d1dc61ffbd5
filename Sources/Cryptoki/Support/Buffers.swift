package import CPKCS11

/// Bytes of the caller: a pointer and a length, either of which may be nonsense.
package struct Input {
    private let base: UnsafeRawPointer?
    private let length: CK_ULONG

    package init(raw base: UnsafeRawPointer?, _ length: CK_ULONG) {
        self.base = base
        self.length = length
    }

    package init(_ base: CK_BYTE_PTR?, _ length: CK_ULONG) {
        self.init(raw: base.map { UnsafeRawPointer($0) }, length)
    }

    /// More than a process can address, in bytes; what is computed from a length does not overflow below it.
    private static var longest: Int { 1 << 47 }

    /// - Throws: CKR_ARGUMENTS_BAD for a null pointer with a length, or a length that no memory has.
    package func bytes() throws(CKError) -> UnsafeRawBufferPointer {
        guard let count = Int(exactly: length), count <= Input.longest, count == 0 || base != nil else {
            throw CKError(CKR_ARGUMENTS_BAD)
        }
        return UnsafeRawBufferPointer(start: base, count: count)
    }

    /// A copy. A length that nothing of its kind has is refused before the memory is looked at.
    ///
    /// - Throws: CKR_ARGUMENTS_BAD, `rv` for more than `limit` bytes.
    func copy(atMost limit: Int, or rv: CK_RV) throws(CKError) -> [UInt8] {
        let bytes = try bytes()
        guard bytes.count <= limit else { throw CKError(rv) }
        return Array(bytes)
    }

    /// A signature or MAC. Whether it has the right length is for the operation to say; no key makes one of this length.
    func signature() throws(CKError) -> [UInt8] { try copy(atMost: 1 << 12, or: CKR_SIGNATURE_LEN_RANGE) }

    /// What is authenticated and not encrypted, of one message.
    func associatedData() throws(CKError) -> [UInt8] { try copy(atMost: 1 << 20, or: CKR_ARGUMENTS_BAD) }
}

/// Where the caller wants an answer, with the length convention of section 5.2: a null buffer asks for the length, and
/// a buffer that is too small learns it and leaves the operation alive.
package struct Output {
    private let base: CK_BYTE_PTR?
    private let length: CK_ULONG_PTR?

    package init(_ base: CK_BYTE_PTR?, _ length: CK_ULONG_PTR?) {
        self.base = base
        self.length = length
    }

    /// - Returns: whether the caller has room for `count` bytes and wants them now; false after a size query.
    /// - Throws: CKR_BUFFER_TOO_SMALL, CKR_ARGUMENTS_BAD.
    package func wants(_ count: Int) throws(CKError) -> Bool {
        guard let length else { throw CKError(CKR_ARGUMENTS_BAD) }
        let room = length.pointee
        guard base != nil else {
            length.pointee = CK_ULONG(count)
            return false
        }
        guard room >= CK_ULONG(count) else {
            length.pointee = CK_ULONG(count)
            throw CKError(CKR_BUFFER_TOO_SMALL)
        }
        return true
    }

    /// As `wants`, where a size query gets a more generous answer than what is needed now.
    package func wants(_ count: Int, query: () -> Int) throws(CKError) -> Bool {
        guard base == nil, let length else { return try wants(count) }
        length.pointee = CK_ULONG(clamping: query())
        return false
    }

    /// For an answer whose length only its making tells.
    ///
    /// - Parameter bound: the most that it can be, for a size query, which makes nothing.
    /// - Returns: false after a size query.
    /// - Throws: CKR_BUFFER_TOO_SMALL, with the exact length.
    package func fill(bound: Int, _ make: () throws(CKError) -> [UInt8]) throws(CKError) -> Bool {
        guard let length else { throw CKError(CKR_ARGUMENTS_BAD) }
        guard base != nil else {
            length.pointee = CK_ULONG(clamping: bound)
            return false
        }
        let room = length.pointee
        let bytes = try make()
        guard room >= CK_ULONG(bytes.count) else {
            length.pointee = CK_ULONG(bytes.count)
            throw CKError(CKR_BUFFER_TOO_SMALL)
        }
        put(bytes)
        return true
    }

    /// How much the caller takes, in bytes; 0 for a size query.
    package var room: Int { base == nil ? 0 : length.map { Int(clamping: $0.pointee) } ?? 0 }

    /// Hands over `bytes`, which must not be more than `wants` was asked for.
    package func put(_ bytes: [UInt8]) {
        guard let base, let length else { return }
        bytes.withUnsafeBufferPointer { buffer in
            if let source = buffer.baseAddress { base.update(from: source, count: buffer.count) }
        }
        length.pointee = CK_ULONG(bytes.count)
    }
}

/// A list that the caller may ask the length of first: slots, mechanisms, interfaces.
///
/// - Throws: CKR_ARGUMENTS_BAD, CKR_BUFFER_TOO_SMALL.
func place<Element>(
    _ elements: [Element], into list: UnsafeMutablePointer<Element>?, count: CK_ULONG_PTR?
) throws(CKError) {
    guard let count else { throw CKError(CKR_ARGUMENTS_BAD) }
    let room = count.pointee
    count.pointee = CK_ULONG(elements.count)
    guard let list else { return }
    guard room >= CK_ULONG(elements.count) else { throw CKError(CKR_BUFFER_TOO_SMALL) }
    elements.withUnsafeBufferPointer { buffer in
        if let source = buffer.baseAddress { list.update(from: source, count: buffer.count) }
    }
}

/// Fills one of the structures' fixed-length texts: UTF-8, padded with blanks, cut at a character's end.
func fill<Field>(_ field: inout Field, with text: String) {
    withUnsafeMutableBytes(of: &field) { bytes in
        for index in bytes.indices { bytes[index] = UInt8(ascii: " ") }
        var next = 0
        for character in text {
            let encoded = Array(String(character).utf8)
            guard next + encoded.count <= bytes.count else { return }
            for byte in encoded {
                bytes[next] = byte
                next += 1
            }
        }
    }
}

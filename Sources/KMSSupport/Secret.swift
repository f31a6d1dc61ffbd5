#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Bytes that must not be seen: a PIN, an API key, a bearer token, key material.
///
/// Zeroed when dropped, printed as `<redacted>`, compared in constant time.
package final class Secret: @unchecked Sendable, CustomStringConvertible, CustomReflectable {
    // @unchecked: the bytes never change between init and deinit.
    private let storage: UnsafeMutableRawBufferPointer

    package init(_ bytes: UnsafeRawBufferPointer) {
        storage = .allocate(byteCount: bytes.count, alignment: 1)
        storage.copyMemory(from: bytes)
    }

    package convenience init(_ bytes: some Sequence<UInt8>) {
        var copy = Array(bytes)
        self.init(copying: &copy)
    }

    package convenience init(_ text: String) {
        var copy = Array(text.utf8)
        self.init(copying: &copy)
    }

    /// Takes the bytes over and zeroes the original.
    package convenience init(copying bytes: inout [UInt8]) {
        let address = bytes.withUnsafeBytes { Secret.allocate($0) }
        self.init(takingOwnership: address)
        bytes.withUnsafeMutableBytes { Secret.wipe($0) }
    }

    private init(takingOwnership storage: UnsafeMutableRawBufferPointer) { self.storage = storage }

    deinit {
        Secret.wipe(storage)
        storage.deallocate()
    }

    package var count: Int { storage.count }
    package var isEmpty: Bool { storage.isEmpty }

    package func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(storage))
    }

    /// The text, for the one place that needs a `String` (an HTTP header, a URL). Do not keep it.
    package var text: String { String(decoding: storage, as: UTF8.self) }

    /// Equality whose duration tells nothing but the lengths.
    package func equals(_ other: Secret) -> Bool {
        guard count == other.count else { return false }
        var difference: UInt8 = 0
        for index in 0..<count { difference |= storage[index] ^ other.storage[index] }
        return difference == 0
    }

    package var description: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: []) }

    /// Overwrites memory in a way that the optimiser may not remove.
    package static func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        explicit_bzero(base, bytes.count)
    }

    private static func allocate(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutableRawBufferPointer {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        copy.copyMemory(from: bytes)
        return copy
    }
}

extension Secret: Equatable {
    package static func == (first: Secret, second: Secret) -> Bool { first.equals(second) }
}

internal import COpenSSL
internal import KMSSupport

/// An OSSL_PARAM array that owns the memory it points to and wipes it.
///
/// OSSL_PARAM_BLD would do the same but for the wiping: what it copies outside of a secure heap stays in freed memory.
final class Parameters {
    private var list: [OSSL_PARAM] = []
    private var memory: [UnsafeMutableRawBufferPointer] = []

    deinit {
        for block in memory {
            Secret.wipe(block)
            block.deallocate()
        }
    }

    @discardableResult
    func add(_ name: String, text: String) -> Parameters {
        let name = keep(name)
        list.append(OSSL_PARAM_construct_utf8_string(name, keep(text), 0))
        return self
    }

    @discardableResult
    func add(_ name: String, bytes: UnsafeRawBufferPointer) -> Parameters {
        let name = keep(name)
        list.append(OSSL_PARAM_construct_octet_string(name, keep(bytes).baseAddress, bytes.count))
        return self
    }

    @discardableResult
    func add(_ name: String, bytes: [UInt8]) -> Parameters {
        bytes.withUnsafeBytes { add(name, bytes: $0) }
    }

    /// - Parameter width: at least this many bytes, so that a secret number does not show its length.
    @discardableResult
    func add(_ name: String, number: BigNumber, width: Int = 1) -> Parameters {
        let name = keep(name)
        let block = reserve(max(number.length, width, 1))
        let base = block.baseAddress?.assumingMemoryBound(to: UInt8.self)
        BN_bn2nativepad(number.pointer, base, Int32(clamping: block.count))
        list.append(OSSL_PARAM_construct_BN(name, base, block.count))
        return self
    }

    func withPointer<Result>(_ body: (UnsafeMutablePointer<OSSL_PARAM>?) -> Result) -> Result {
        var terminated = list + [OSSL_PARAM_construct_end()]
        return withExtendedLifetime(self) { terminated.withUnsafeMutableBufferPointer { body($0.baseAddress) } }
    }

    private func keep(_ text: String) -> UnsafeMutablePointer<CChar>? {
        text.utf8CString.withUnsafeBytes { keep($0) }.baseAddress?.assumingMemoryBound(to: CChar.self)
    }

    private func keep(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutableRawBufferPointer {
        let block = reserve(bytes.count)
        block.copyMemory(from: bytes)
        return block
    }

    /// Never of no bytes at all: OpenSSL takes a null address for a missing value.
    private func reserve(_ count: Int) -> UnsafeMutableRawBufferPointer {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 8)
        block.initializeMemory(as: UInt8.self, repeating: 0)
        memory.append(block)
        return block
    }
}

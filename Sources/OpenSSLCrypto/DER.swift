/// DER through OpenSSL's i2d functions.
enum DER {
    /// Runs an i2d function: first for the length, then for the bytes.
    ///
    /// - Parameter what: for the error.
    static func encode(
        _ what: String, _ i2d: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32
    ) throws(CryptoError) -> [UInt8] {
        let length = Int(i2d(nil))
        guard length > 0 else { throw CryptoError("cannot encode \(what)") }
        var bytes = [UInt8](repeating: 0, count: length)
        let written = bytes.withUnsafeMutableBufferPointer { buffer -> Int32 in
            var next = buffer.baseAddress
            return i2d(&next)
        }
        guard Int(written) == length else { throw CryptoError("cannot encode \(what)") }
        return bytes
    }
}

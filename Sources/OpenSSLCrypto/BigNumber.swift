internal import COpenSSL
internal import KMSSupport

/// A BIGNUM that is wiped when dropped.
final class BigNumber {
    let pointer: OpaquePointer

    init() throws(CryptoError) {
        guard let pointer = BN_secure_new() else { throw CryptoError("out of memory") }
        self.pointer = pointer
        // BN's functions then take the same time whatever the number is.
        BN_set_flags(pointer, BN_FLG_CONSTTIME)
    }

    convenience init(_ bytes: [UInt8]) throws(CryptoError) { try self.init(Secret(bytes)) }

    /// - Parameter bytes: big-endian, leading zeros allowed.
    convenience init(_ bytes: Secret) throws(CryptoError) {
        try self.init()
        let done = bytes.withBytes { bytes in
            bytes.count <= 1 << 20 && BN_bin2bn(bytes.bytes, Int32(bytes.count), pointer) != nil
        }
        guard done else { throw CryptoError("the number is too long") }
    }

    /// A parameter of a key; nil when the key does not have it.
    init?(_ name: String, of key: OpaquePointer) {
        var value = BN_secure_new()
        guard EVP_PKEY_get_bn_param(key, name, &value) == 1, let value else {
            BN_clear_free(value)
            return nil
        }
        pointer = value
    }

    deinit { BN_clear_free(pointer) }

    /// In bytes, without leading zeros.
    var length: Int { (Int(BN_num_bits(pointer)) + 7) / 8 }

    var isZero: Bool { BN_is_zero(pointer) == 1 }

    /// Big-endian, without leading zeros.
    var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: length)
        BN_bn2bin(pointer, &bytes)
        return bytes
    }

    /// Big-endian.
    ///
    /// - Parameter width: in bytes; the number is padded to it on the left. nil: no leading zeros.
    func secret(width: Int? = nil) throws(CryptoError) -> Secret {
        var bytes = [UInt8](repeating: 0, count: width ?? length)
        guard BN_bn2binpad(pointer, &bytes, Int32(clamping: bytes.count)) == Int32(clamping: bytes.count) else {
            throw CryptoError("the number is longer than \(bytes.count) bytes")
        }
        return Secret(copying: &bytes)
    }
}

package import KMSModel

extension SymmetricCipher {
    /// In bytes.
    package static func blockSize(of type: ObjectType) -> Int { type == .des3 || type == .des ? 8 : 16 }

    /// - Parameter count: in bytes. 16 bytes of DES3 are two-key triple DES.
    package static func isKeyLength(_ count: Int, of type: ObjectType) -> Bool {
        switch type {
        case .aes: count == 16 || count == 24 || count == 32
        case .des3: count == 16 || count == 24
        default: false
        }
    }

    /// A size that is wrong is refused here, because OpenSSL would pad some and cut others.
    static func check(
        _ type: ObjectType, _ mode: CipherMode, iv: [UInt8], associatedData: [UInt8], tagLength: Int
    ) throws(CryptoError) {
        switch mode {
        case .cbc, .cbcNoPad, .ctr:
            guard iv.count == blockSize(of: type) else {
                throw CryptoError("the IV has \(iv.count) bytes; \(mode.rawValue) needs \(blockSize(of: type))")
            }
        case .gcm:
            guard (1...128).contains(iv.count) else {
                throw CryptoError("the IV has \(iv.count) bytes; GCM takes 1 to 128")
            }
            guard tagLength == 4 || tagLength == 8 || (12...16).contains(tagLength) else {
                throw CryptoError("GCM has no tag of \(tagLength) bytes; it has 4, 8 and 12 to 16")
            }
        case .ecb, .kw, .kwp:
            guard iv.isEmpty else { throw CryptoError("\(mode.rawValue) takes no IV") }
        }
        guard associatedData.isEmpty || mode == .gcm else {
            throw CryptoError("\(mode.rawValue) takes no associated data")
        }
    }
}

import KMSModel
import KMSSupport
import OpenSSLCrypto

/// Bytes from hexadecimal digits; spaces are for the reader.
func hex(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

func secret(_ text: String) -> Secret { Secret(hex(text)) }

extension Secret {
    var bytes: [UInt8] { withBytes { Array($0) } }
}

extension SymmetricCipher {
    /// Feeds parts of `step` bytes.
    func update(_ bytes: [UInt8], by step: Int) throws -> [UInt8] {
        try stride(from: 0, to: bytes.count, by: step).flatMap { start in
            try Array(bytes[start..<min(start + step, bytes.count)]).withUnsafeBytes { try update($0) }
        }
    }
}

import ArgumentParser
import FoundationEssentials
import KMSModel
import KMSSupport

/// A secret key out of a file of nothing but its bytes, or their hexadecimal digits. Which of the two is said and never
/// guessed: 32 digits are a 16-byte AES key, or a 32-byte one.
enum SecretKeyFile {
    enum KeyType: String, ExpressibleByArgument, CaseIterable {
        case aes, des3, hmac, secret

        var object: ObjectType {
            switch self {
            case .aes: .aes
            case .des3: .des3
            case .hmac: .hmac
            case .secret: .secret
            }
        }

        /// Lengths in bytes; nil: any but 0.
        fileprivate var lengths: [Int]? {
            switch self {
            case .aes: [16, 24, 32]
            case .des3: [16, 24]
            case .hmac, .secret: nil
            }
        }
    }

    /// Type and value.
    static func read(_ path: String, type: KeyType, isHex: Bool) throws -> SobjectRequest {
        let file = try InputFile.read(path, what: "the key", limit: 1 << 16)
        if file.isWorldReadable { SecretInput.warnAboutMode(path) }
        var bytes = file.bytes
        defer { bytes.withUnsafeMutableBytes { Secret.wipe($0) } }
        if isHex { try decodeHex(&bytes, path) }
        guard !bytes.isEmpty else { throw CommandFailure(.input, "\(path) is empty") }
        if let lengths = type.lengths, !lengths.contains(bytes.count) {
            let possible = lengths.map { "\($0)" }.joined(separator: ", ")
            throw CommandFailure(
                .input, "\(path) has \(bytes.count) bytes; \(type.object.rawValue) keys have \(possible)",
                remedy: "Give the key's bytes without a line end, or their hexadecimal digits with --hex.")
        }
        var request = SobjectRequest()
        request.objType = type.object
        request.value = Data(bytes)
        return request
    }

    /// White space around the digits and colons between them are skipped.
    private static func decodeHex(_ text: inout [UInt8], _ path: String) throws {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        var high: UInt8?
        for character in text where !" \t\r\n:".utf8.contains(character) {
            guard let digit = Character(Unicode.Scalar(character)).hexDigitValue.flatMap(UInt8.init(exactly:)) else {
                throw CommandFailure(
                    .input, "\(path) holds more than hexadecimal digits", remedy: "Leave out --hex for a file of bytes."
                )
            }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        guard high == nil else { throw CommandFailure(.input, "\(path) has an odd number of hexadecimal digits") }
        text.withUnsafeMutableBytes { Secret.wipe($0) }
        text = bytes
    }
}

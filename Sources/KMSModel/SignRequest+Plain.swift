internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

extension SignRequest {
    /// Reads a body of the form that practically all requests have: known fields, each once, with texts that need no
    /// escapes. For that, `JSONDecoder` takes longer than all other steps before the signature together.
    ///
    /// nil for everything else, also for what is wrong: the decoder then says what it is.
    package init?(plain bytes: some RandomAccessCollection<UInt8>) {
        let found = bytes.withContiguousStorageIfAvailable { bytes -> SignRequest? in
            var reader = PlainJSON(bytes)
            var fields = Fields()
            guard reader.object({ name, reader in fields.read(name, &reader) }), reader.isAtEnd else { return nil }
            return fields.request
        }
        guard let request = found ?? nil else { return nil }
        self = request
    }

    private struct Fields {
        var key: SobjectDescriptor?
        var hashAlg: HashAlgorithm?
        var hash: Data?
        var data: Data?
        var mode: SignatureMode?

        var request: SignRequest? {
            hashAlg.map { SignRequest(key: key, hashAlg: $0, hash: hash, data: data, mode: mode) }
        }

        /// False for a field that is unknown, came before, or has a value that is not plain.
        mutating func read(_ name: String, _ reader: inout PlainJSON) -> Bool {
            switch name {
            case "key" where key == nil:
                key = reader.only("kid") { $0.text() }.map { SobjectDescriptor(kid: $0) }
                return key != nil
            case "hash_alg" where hashAlg == nil:
                hashAlg = reader.text().flatMap { HashAlgorithm(wire: $0) }
                return hashAlg != nil
            case "hash" where hash == nil:
                hash = reader.base64()
                return hash != nil
            case "data" where data == nil:
                data = reader.base64()
                return data != nil
            case "mode" where mode == nil:
                mode = Fields.mode(&reader)
                return mode != nil
            default:
                return false
            }
        }

        private static func mode(_ reader: inout PlainJSON) -> SignatureMode? {
            reader.only { name, reader in
                switch name {
                case "PKCS1_V15":
                    reader.object { _, _ in false } ? .pkcs1V15 : nil
                case "PSS":
                    reader.only("mgf") { $0.only("mgf1") { $0.only("hash") { $0.text() } } }
                        .flatMap { HashAlgorithm(wire: $0) }.map { .pss(mgf: $0) }
                default:
                    nil
                }
            }
        }
    }
}

/// Reads the simplest JSON there is: objects, and texts of printable ASCII without escapes. It gives up on all else.
struct PlainJSON {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var index = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// Whether nothing but white space is left.
    var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return index == bytes.count
        }
    }

    /// - Parameter field: called with each field's name; reads the value and answers whether it could.
    mutating func object(_ field: (String, inout PlainJSON) -> Bool) -> Bool {
        fields { name, reader in PlainJSON.text(name).map { field($0, &reader) } ?? false }
    }

    /// As `object`, with the bytes of the names: faster, where only fixed names are expected.
    mutating func fields(_ field: (UnsafeBufferPointer<UInt8>, inout PlainJSON) -> Bool) -> Bool {
        guard skip(UInt8(ascii: "{")) else { return false }
        if skip(UInt8(ascii: "}")) { return true }
        repeat {
            guard let name = quoted(), skip(UInt8(ascii: ":")), field(name, &self) else { return false }
        } while skip(UInt8(ascii: ","))
        return skip(UInt8(ascii: "}"))
    }

    /// The value of an object's only field.
    mutating func only<Value>(_ read: (String, inout PlainJSON) -> Value?) -> Value? {
        var value: Value?
        let isWhole = object { name, reader in
            guard value == nil else { return false }
            value = read(name, &reader)
            return value != nil
        }
        return isWhole ? value : nil
    }

    mutating func only<Value>(_ name: String, _ read: (inout PlainJSON) -> Value?) -> Value? {
        only { found, reader in found == name ? read(&reader) : nil }
    }

    mutating func text() -> String? { quoted().flatMap { PlainJSON.text($0) } }

    /// nil for what is not plain.
    static func text(_ found: UnsafeBufferPointer<UInt8>) -> String? {
        isPlain(found) ? String(decoding: found, as: UTF8.self) : nil
    }

    static func isPlain(_ found: UnsafeBufferPointer<UInt8>) -> Bool {
        // No early exit, so that it is done many bytes at a time.
        var odd: UInt8 = 0
        for byte in found { odd |= byte < 0x20 || byte >= 0x7F || byte == UInt8(ascii: "\\") ? 1 : 0 }
        return odd == 0
    }

    /// The bytes that a text of base64 stands for. Base64 has no character that would need an escape.
    mutating func base64() -> Data? {
        guard let found = quoted(), let base = found.baseAddress else { return nil }
        let text = Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: base), count: found.count, deallocator: .none)
        return Data(base64Encoded: text)
    }

    /// What is between two quotation marks, whatever it is.
    mutating func quoted() -> UnsafeBufferPointer<UInt8>? {
        guard skip(UInt8(ascii: "\"")) else { return nil }
        let rest = UnsafeBufferPointer(rebasing: bytes[index...])
        guard let base = rest.baseAddress, let mark = memchr(base, Int32(UInt8(ascii: "\"")), rest.count) else {
            return nil
        }
        let end = UnsafeRawPointer(mark) - UnsafeRawPointer(base)
        index += end + 1
        return UnsafeBufferPointer(rebasing: rest[..<end])
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        skipSpace()
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x0A, 0x0D, 0x09: index += 1
            default: return
            }
        }
    }
}

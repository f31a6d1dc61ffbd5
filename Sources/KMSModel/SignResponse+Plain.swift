internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// A `SignResponse` as the client wants it that has asked for it: with bytes that need no further copy.
package struct ReceivedSignature: Decodable, Sendable {
    package let kid: String?
    /// As in `SignResponse`.
    package let bytes: [UInt8]

    package init(from decoder: any Decoder) throws {
        let response = try SignResponse(from: decoder)
        kid = response.kid
        bytes = Array(response.signature)
    }

    /// Reads an answer of the form that practically all have, as `SignRequest.init(plain:)` does; for that,
    /// `JSONDecoder` takes as long as the rest of a request's way through this process.
    ///
    /// nil for everything else, also for what is wrong: the decoder then says what it is.
    ///
    /// - Parameter expected: the name of the key that was asked for, which an answer mostly repeats.
    package init?(plain text: [UInt8], expecting expected: String? = nil) {
        var kid: String?
        var signature: [UInt8]?
        let isPlain = text.withUnsafeBufferPointer { text in
            var reader = PlainJSON(text)
            let isObject = reader.fields { name, reader in
                if kid == nil, name.holds("kid") {
                    kid = reader.text(expecting: expected)
                    return kid != nil
                }
                guard signature == nil, name.holds("signature") else { return false }
                signature = reader.quoted().flatMap { Base64.read($0) }
                return signature != nil
            }
            return isObject && reader.isAtEnd
        }
        guard isPlain, let signature else { return nil }
        self.kid = kid
        bytes = signature
    }
}

extension PlainJSON {
    /// As `text`; what is expected needs no new string.
    fileprivate mutating func text(expecting expected: String?) -> String? {
        guard let found = quoted() else { return nil }
        guard var expected, expected.withUTF8({ found.holds($0) }), PlainJSON.isPlain(found) else {
            return PlainJSON.text(found)
        }
        return expected
    }
}

extension UnsafeBufferPointer<UInt8> {
    fileprivate func holds(_ name: StaticString) -> Bool { name.withUTF8Buffer { holds($0) } }

    fileprivate func holds(_ other: UnsafeBufferPointer<UInt8>) -> Bool {
        guard count == other.count else { return false }
        guard let first = baseAddress, let second = other.baseAddress else { return true }
        return memcmp(first, second, count) == 0
    }
}

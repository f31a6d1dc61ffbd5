internal import FoundationEssentials
internal import KMSSupport

extension Secret {
    /// Whether `text` has a piece of these bytes, as they are or in base64.
    ///
    /// A piece is 8 bytes, or all of a shorter secret; fewer than 4 are in every other sentence by chance.
    func isQuoted(in text: String) -> Bool {
        withBytes { bytes in
            var base64 = Data(bytes).base64EncodedData()
            defer { base64.wipe() }
            return Array(text.utf8).shares(aPieceOf: bytes) || Array(text.utf8).shares(aPieceOf: base64)
        }
    }
}

extension [UInt8] {
    fileprivate func shares(aPieceOf secret: some Collection<UInt8>) -> Bool {
        let length = Swift.min(8, secret.count)
        guard length >= 4, count >= length else { return false }
        let mine = Set(Pieces(bytes: self, length: length))
        return Pieces(bytes: secret, length: length).contains { mine.contains($0) }
    }
}

/// All runs of `length` bytes, at most 8, each as an integer.
private struct Pieces<Bytes: Collection<UInt8>>: Sequence, IteratorProtocol {
    private var rest: Bytes.SubSequence
    private var piece: UInt64 = 0
    private let mask: UInt64

    init(bytes: Bytes, length: Int) {
        rest = bytes[...]
        mask = length >= 8 ? .max : (1 << UInt64(length * 8)) - 1
        for _ in 1..<length { push() }
    }

    private mutating func push() {
        guard let byte = rest.popFirst() else { return }
        piece = (piece << 8 | UInt64(byte)) & mask
    }

    mutating func next() -> UInt64? {
        guard !rest.isEmpty else { return nil }
        push()
        return piece
    }
}

package import KMSModel
package import OpenSSLCrypto

/// IV, associated data and tag of a symmetric cipher, each of exactly the length that its mode has.
package struct CipherParameters: Sendable {
    package var iv: [UInt8]
    package var associatedData: [UInt8]

    /// - Parameter makesIV: whether an absent IV is a fresh random one, as when encrypting, or an error.
    package init(
        _ type: ObjectType, _ mode: CipherMode, _ fields: CipherFields, makesIV: Bool, in context: LibraryContext
    ) throws {
        try fields.refuse([.label], for: mode.rawValue)
        if mode != .gcm { try fields.refuse([.ad, .tag, .tagLen], for: mode.rawValue) }
        associatedData = fields.ad.map(Array.init) ?? []
        let length = CipherParameters.ivLength(type, mode)
        guard length > 0 else {
            try fields.refuse([.iv], for: mode.rawValue)
            iv = []
            return
        }
        guard let given = fields.iv else {
            guard makesIV else { throw KMSError.badRequest("Field \"iv\" is missing; \(mode.rawValue) needs it") }
            iv = try Random.bytes(length, in: context)
            return
        }
        let possible = mode == .gcm ? 1...128 : length...length
        guard possible.contains(given.count) else {
            let needed = mode == .gcm ? "takes 1 to 128, best 12" : "with \(type.rawValue) needs \(length)"
            throw KMSError.badRequest("Field \"iv\" has \(given.count) bytes; \(mode.rawValue) \(needed)")
        }
        iv = Array(given)
    }

    /// In bytes; 0 for modes without one. GCM takes others too, and this is what it gets when the server chooses.
    private static func ivLength(_ type: ObjectType, _ mode: CipherMode) -> Int {
        guard mode.needsIV else { return 0 }
        return mode == .gcm ? 12 : blockSize(type)
    }

    /// In bytes.
    package static func blockSize(_ type: ObjectType) -> Int { type == .des3 ? 8 : 16 }

    /// `tag_len` of a GCM encryption, in bytes.
    package static func tagLength(bits: Int?) throws(KMSError) -> Int {
        guard let bits else { throw .badRequest("Field \"tag_len\" is missing; GCM needs it, in bits, best 128") }
        guard bits.isMultiple(of: 8), isTagLength(bits / 8) else {
            throw .badRequest(
                "Field \"tag_len\": GCM has tags of 32, 64, 96, 104, 112, 120 or 128 bits, and not \(bits)")
        }
        return bits / 8
    }

    /// `tag` of a GCM decryption.
    package static func tag(_ fields: CipherFields) throws(KMSError) -> [UInt8] {
        guard let tag = fields.tag else { throw .badRequest("Field \"tag\" is missing; GCM needs it") }
        guard isTagLength(tag.count) else {
            throw .badRequest("Field \"tag\" has \(tag.count) bytes; GCM has tags of 4, 8 or 12 to 16")
        }
        return Array(tag)
    }

    private static func isTagLength(_ bytes: Int) -> Bool { bytes == 4 || bytes == 8 || (12...16).contains(bytes) }

    /// - Throws: 400 when an input of so many bytes is not possible in the mode.
    package static func checkInput(
        _ count: Int, _ field: String, _ direction: CipherRules.Direction, _ type: ObjectType, _ mode: CipherMode
    ) throws(KMSError) {
        let block = blockSize(type)
        let rule: (isKept: Bool, text: String)? =
            switch (mode, direction) {
            case (.ecb, _), (.cbcNoPad, _):
                (count.isMultiple(of: block), "needs a multiple of \(block); CBC takes any length")
            case (.cbc, .decrypt): (count > 0 && count.isMultiple(of: block), "needs a multiple of \(block)")
            case (.kw, .encrypt): (count >= 16 && count.isMultiple(of: 8), "needs a multiple of 8 and at least 16")
            case (.kw, .decrypt): (count >= 24 && count.isMultiple(of: 8), "needs a multiple of 8 and at least 24")
            case (.kwp, .encrypt): (count >= 1, "needs at least one")
            case (.kwp, .decrypt): (count >= 16 && count.isMultiple(of: 8), "needs a multiple of 8 and at least 16")
            case (.cbc, .encrypt), (.ctr, _), (.gcm, _): nil
            }
        if let rule, !rule.isKept {
            throw .badRequest("Field \"\(field)\" has \(count) bytes; \(mode.rawValue) \(rule.text)")
        }
    }
}

internal import COpenSSL
package import KMSSupport

/// PEM files (RFC 7468) as people have them: several blocks, `EC PARAMETERS` before a key, encrypted keys, text between.
package enum PEM {
    /// What is between BEGIN and END, and whether it needs a passphrase.
    package struct Block: Sendable {
        package var label: String
        package var isEncrypted: Bool
    }

    /// The blocks in order; empty when the bytes are not PEM.
    ///
    /// - Throws: `CryptoError` when one of them cannot be read.
    package static func blocks(_ bytes: Secret, in context: LibraryContext) throws(CryptoError) -> [Block] {
        var blocks: [Block] = []
        try forEachBlock(bytes, in: context) { label, header, _ in
            let isEncrypted = label == "ENCRYPTED PRIVATE KEY" || header.contains("ENCRYPTED")
            blocks.append(Block(label: label, isEncrypted: isEncrypted))
        }
        return blocks
    }

    /// The first private key, whatever stands before it.
    ///
    /// - Parameter passphrase: for an encrypted key; without one OpenSSL is not allowed to ask on the terminal.
    package static func privateKey(
        _ bytes: Secret, passphrase: Secret? = nil, in context: LibraryContext
    ) throws(CryptoError) -> PrivateKey {
        let key = context.asDefault {
            withBIO(bytes) { bio -> OpaquePointer? in
                guard let bio else { return nil }
                // The callback gets its passphrase through `u`; a nil one answers with an error instead of a prompt.
                return withUnsafePointer(to: passphrase) { holder in
                    PEM_read_bio_PrivateKey_ex(
                        bio, nil, answer, UnsafeMutableRawPointer(mutating: holder), context.pointer, nil)
                }
            }
        }
        guard let key else {
            throw CryptoError(
                passphrase == nil ? "no private key that can be read" : "no private key that this passphrase opens")
        }
        return try PrivateKey(takingOwnership: key, in: context)
    }

    /// The content of every block with this label, decoded but not understood.
    ///
    /// - Throws: `CryptoError` when any block cannot be read, whatever its label.
    package static func contents(
        of label: String, _ bytes: Secret, in context: LibraryContext
    ) throws(CryptoError) -> [[UInt8]] {
        var contents: [[UInt8]] = []
        try forEachBlock(bytes, in: context) { found, _, content in
            if found == label { contents.append(Array(content)) }
        }
        return contents
    }

    private static func forEachBlock(
        _ bytes: Secret, in context: LibraryContext, _ body: (String, String, UnsafeRawBufferPointer) -> Void
    ) throws(CryptoError) {
        var blocks = 0
        let end = context.asDefault {
            withBIO(bytes) { bio -> UInt in
                guard let bio else { return 0 }
                var name: UnsafeMutablePointer<CChar>?
                var header: UnsafeMutablePointer<CChar>?
                var content: UnsafeMutablePointer<UInt8>?
                var count = 0
                while PEM_read_bio(bio, &name, &header, &content, &count) == 1 {
                    blocks += 1
                    body(
                        name.map { String(cString: $0) } ?? "", header.map { String(cString: $0) } ?? "",
                        UnsafeRawBufferPointer(start: content, count: count))
                    CRYPTO_free(name, "", 0)
                    CRYPTO_free(header, "", 0)
                    CRYPTO_clear_free(content, count, "", 0)
                }
                return ERR_peek_last_error()
            }
        }
        let problem: String? =
            switch ERR_GET_REASON(end) {
            case PEM_R_BAD_END_LINE: "PEM block \(blocks + 1) has no END line, or that of another"
            case PEM_R_BAD_BASE64_DECODE: "PEM block \(blocks + 1) is not base64 between BEGIN and END"
            // The regular end. But OpenSSL takes a block with a damaged BEGIN line for text, and of one without an END
            // line it may read on into the next.
            case PEM_R_NO_START_LINE where borders(bytes) == blocks * 2: nil
            default: "a PEM block lacks its BEGIN or END line, or is empty"
            }
        if let problem { throw CryptoError(problem) }
    }

    /// How many lines begin or end a block, as they should or damaged.
    private static func borders(_ bytes: Secret) -> Int {
        bytes.withBytes { buffer in
            buffer.split { $0 == 0x0A || $0 == 0x0D }.count { line in
                line.contains("-----BEGIN ".utf8) || line.contains("-----END ".utf8)
                    || (line.contains("-----".utf8) && (line.contains("BEGIN ".utf8) || line.contains("END ".utf8)))
            }
        }
    }

    /// - Parameter body: gets nil when memory is short.
    private static func withBIO<Result>(_ bytes: Secret, _ body: (OpaquePointer?) -> Result) -> Result {
        bytes.withBytes { buffer in
            let bio = BIO_new_mem_buf(buffer.baseAddress, Int32(clamping: buffer.count))
            defer { BIO_free(bio) }
            return body(bio)
        }
    }
}

/// A pem_password_cb: copies the passphrase that `context` points to, or refuses.
private func answer(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int32, _ isForWriting: Int32, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let buffer, let passphrase = context?.assumingMemoryBound(to: Secret?.self).pointee,
        passphrase.count <= Int(size)
    else { return -1 }
    passphrase.withBytes { UnsafeMutableRawBufferPointer(start: buffer, count: Int(size)).copyMemory(from: $0) }
    return Int32(passphrase.count)
}

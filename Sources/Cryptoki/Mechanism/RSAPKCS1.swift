internal import CPKCS11
internal import KMSBackend
package import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// PKCS #1 v1.5: signatures, encryption, and wrapping of secret keys (mechanisms specification 2.1.6 and 2.1.9).
package enum RSAPKCS1: MechanismFamily {
    package static var mechanisms: [Mechanism] {
        var plain = Mechanism(CKM_RSA_PKCS, [CKK_RSA], KeySizes.rsa, .bits)
        plain.setSignature(needs: .signRSAPKCS1, recovers: true) { request, key throws(CKError) in
            try request.requireNoParameter()
            return Scheme(digest: nil, outputLength: (key.facts.bits + 7) / 8, sizeLimit: (key.facts.bits + 7) / 8)
        }
        plain.setRSACipher(needs: .decryptRSAPKCS1) { request throws(CKError) in
            try request.requireNoParameter()
            return .rsa(.pkcs1V15, label: [])
        }
        return [plain] + HashTable.rows.map { row($0.rsaPKCS, $0.hash) }
    }

    private static func row(_ type: CK_MECHANISM_TYPE, _ digest: HashAlgorithm) -> Mechanism {
        var row = Mechanism(type, [CKK_RSA], KeySizes.rsa, .bits)
        row.setSignature(needs: .signRSAPKCS1) { request, key throws(CKError) in
            try request.requireNoParameter()
            return Scheme(digest: digest, outputLength: (key.facts.bits + 7) / 8, sizeLimit: 0)
        }
        return row
    }

    private struct Scheme: RecoveringScheme {
        let digest: HashAlgorithm?
        let outputLength: Int
        /// Longest block in bytes of the mechanism without a hash, with its eleven bytes of padding.
        let sizeLimit: Int

        var padding: RSAPadding { .pkcs1V15 }

        func prepare(_ data: [UInt8]) throws(CKError) -> (algorithm: SigningAlgorithm, input: [UInt8]) {
            if let digest { return (.rsaPKCS1(digest), data) }
            guard data.count <= sizeLimit - 11 else { throw CKError(CKR_DATA_LEN_RANGE) }
            guard let (hash, digest) = DigestInfo.split(data) else { throw CKError(CKR_DATA_INVALID) }
            return (.rsaPKCS1(hash), digest)
        }

        /// A KMS signs digests, not blocks. A block that is none can be padded here and run through the bare RSA
        /// operation, where the KMS lets this key decrypt.
        func signUnprepared(_ data: [UInt8], _ key: KeyInUse) throws(CKError) -> [UInt8]? {
            guard digest == nil, data.count <= sizeLimit - 11, key.object.attributes.flag(CKA_DECRYPT),
                key.token.backend.capabilities.contains(.decryptRSARaw), DigestInfo.split(data) == nil
            else { return nil }
            let padding = [UInt8](repeating: 0xFF, count: outputLength - data.count - 3)
            let block = [0x00, 0x01] + padding + [0x00] + data
            return try RSARaw.sign(block, key)
        }

        func verifyUnprepared(
            _ data: [UInt8], _ signature: [UInt8], _ key: PublicKey
        ) throws(CKError) -> Bool? {
            guard digest == nil, DigestInfo.split(data) == nil else { return nil }
            guard data.count <= sizeLimit - 11 else { throw CKError(CKR_DATA_LEN_RANGE) }
            return try CKError.failing { () throws(CryptoError) in
                try key.recover(signature, padding: .pkcs1V15) == data
            }
        }
    }
}

/// DigestInfo (RFC 8017 section 9.2, note 1): the DER prefix that names a hash, followed by the hash.
///
/// Compared byte by byte with the only encoding that the KMS will produce. Another encoding of the same thing (absent
/// instead of NULL parameters, say) is no DigestInfo here, because the signature would not be over what the host gave.
package enum DigestInfo {
    package static func split(_ block: [UInt8]) -> (hash: HashAlgorithm, digest: [UInt8])? {
        for hash in HashAlgorithm.allCases {
            // The length alone rules most of them out.
            guard block.count == prefixLength(hash) + hash.length, hasPrefix(block, hash) else { continue }
            return (hash, Array(block.dropFirst(prefixLength(hash))))
        }
        // TLS 1.0 and 1.1 sign MD5 ‖ SHA-1 without DigestInfo.
        return block.count == HashAlgorithm.ssl3.length ? (.ssl3, block) : nil
    }

    private static func prefixLength(_ hash: HashAlgorithm) -> Int { hash == .sha1 ? 15 : 19 }

    /// - Parameter block: at least as long as the prefix.
    private static func hasPrefix(_ block: [UInt8], _ hash: HashAlgorithm) -> Bool {
        func nist(_ arc: UInt8, _ length: Int) -> Bool { begins(block, with: DigestInfo.nist(arc, length)) }
        return switch hash {
        case .sha1:
            begins(
                block, with: [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A, 0x05, 0x00, 0x04, 0x14])
        case .sha224: nist(4, hash.length)
        case .sha256: nist(1, hash.length)
        case .sha384: nist(2, hash.length)
        case .sha512: nist(3, hash.length)
        case .sha3_224: nist(7, hash.length)
        case .sha3_256: nist(8, hash.length)
        case .sha3_384: nist(9, hash.length)
        case .sha3_512: nist(10, hash.length)
        case .ssl3: false
        }
    }

    private static func begins<let count: Int>(_ block: [UInt8], with prefix: [count of UInt8]) -> Bool {
        prefix.indices.allSatisfy { block[$0] == prefix[$0] }
    }

    /// NIST's hashes differ in the last arc of 2.16.840.1.101.3.4.2 and in the lengths.
    private static func nist(_ arc: UInt8, _ length: Int) -> [19 of UInt8] {
        let length = UInt8(clamping: length)
        return [
            0x30, 0x11 + length, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc, 0x05,
            0x00, 0x04, length,
        ]
    }
}

internal import CPKCS11
internal import KMSBackend
package import KMSModel

/// PKCS #1 v1.5 signatures (mechanisms specification 2.1.6 and 2.1.9).
package enum RSAPKCS1: MechanismFamily {
    package static var mechanisms: [Mechanism] {
        [
            row(CKM_RSA_PKCS, nil),
            row(CKM_SHA1_RSA_PKCS, .sha1),
            row(CKM_SHA224_RSA_PKCS, .sha224),
            row(CKM_SHA256_RSA_PKCS, .sha256),
            row(CKM_SHA384_RSA_PKCS, .sha384),
            row(CKM_SHA512_RSA_PKCS, .sha512),
        ]
    }

    private static func row(_ type: CK_MECHANISM_TYPE, _ digest: HashAlgorithm?) -> Mechanism {
        Mechanism(
            type: type, keyType: CKK_RSA, bits: 2048...4096, flags: CKF_SIGN | CKF_HW, digest: digest,
            needs: .signRSAPKCS1
        ) { request, mechanism, key throws(CKError) in
            try request.requireNoParameter()
            return Scheme(digest: mechanism.digest, outputLength: (key.bits + 7) / 8)
        }
    }

    private struct Scheme: SignatureScheme {
        let digest: HashAlgorithm?
        let outputLength: Int

        func prepare(_ data: [UInt8]) throws(CKError) -> (algorithm: SigningAlgorithm, digest: [UInt8]) {
            if let digest { return (.rsaPKCS1(digest), data) }
            // A KMS signs digests, not blocks: CKM_RSA_PKCS is possible where the block is one that the KMS makes.
            guard data.count <= outputLength - 11 else { throw CKError(CKR_DATA_LEN_RANGE) }
            guard let (hash, digest) = DigestInfo.split(data) else { throw CKError(CKR_DATA_INVALID) }
            return (.rsaPKCS1(hash), digest)
        }

        func finish(_ signature: [UInt8]) throws(CKError) -> [UInt8] {
            guard signature.count == outputLength else { throw CKError(CKR_DEVICE_ERROR) }
            return signature
        }
    }
}

/// DigestInfo (RFC 8017 section 9.2, note 1): the DER prefix that names a hash, followed by the hash.
///
/// Compared byte by byte with the only encoding that the KMS will produce. Another encoding of the same thing (absent
/// instead of NULL parameters, say) is refused, because the signature would not be over what the host gave.
package enum DigestInfo {
    package static func split(_ block: [UInt8]) -> (hash: HashAlgorithm, digest: [UInt8])? {
        for hash in HashAlgorithm.allCases {
            guard let prefix = prefix(hash), block.count == prefix.count + hash.length, block.starts(with: prefix)
            else { continue }
            return (hash, Array(block.dropFirst(prefix.count)))
        }
        // TLS 1.0 and 1.1 sign MD5 ‖ SHA-1 without DigestInfo.
        return block.count == HashAlgorithm.ssl3.length ? (.ssl3, block) : nil
    }

    private static func prefix(_ hash: HashAlgorithm) -> [UInt8]? {
        switch hash {
        case .sha1:
            [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A, 0x05, 0x00, 0x04, 0x14]
        case .sha224: nist(4, hash.length)
        case .sha256: nist(1, hash.length)
        case .sha384: nist(2, hash.length)
        case .sha512: nist(3, hash.length)
        case .sha3_224: nist(7, hash.length)
        case .sha3_256: nist(8, hash.length)
        case .sha3_384: nist(9, hash.length)
        case .sha3_512: nist(10, hash.length)
        case .ssl3: nil
        }
    }

    /// NIST's hashes differ in the last arc of 2.16.840.1.101.3.4.2 and in the lengths.
    private static func nist(_ arc: UInt8, _ length: Int) -> [UInt8] {
        let length = UInt8(clamping: length)
        return [
            0x30, 0x11 + length, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc, 0x05,
            0x00,
            0x04, length,
        ]
    }
}

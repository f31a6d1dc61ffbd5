internal import COpenSSL
package import KMSSupport

extension PEM {
    /// One block: `-----BEGIN label-----`, base64 in lines of 64, `-----END label-----`.
    package static func text(_ label: String, _ content: UnsafeRawBufferPointer) throws(CryptoError) -> Secret {
        // OpenSSL zeroes the memory of such a BIO when it grows and when it is freed.
        let bio = BIO_new(BIO_s_mem())
        defer { BIO_free(bio) }
        let bytes = content.bindMemory(to: UInt8.self)
        guard let bio, PEM_write_bio(bio, label, "", bytes.baseAddress, bytes.count) > 0 else {
            throw CryptoError("cannot write PEM")
        }
        var address: UnsafeMutableRawPointer?
        let count = BIO_ctrl(bio, BIO_CTRL_INFO, 0, &address)
        return Secret(UnsafeRawBufferPointer(start: address, count: count))
    }
}

extension PrivateKey {
    /// `RSA PRIVATE KEY` (PKCS#1), `EC PRIVATE KEY` (RFC 5915), or `PRIVATE KEY` (PKCS#8) for Edwards curves.
    package func pem() throws(CryptoError) -> Secret {
        let label =
            switch kind {
            case .rsa: "RSA PRIVATE KEY"
            case .ec(let curve) where curve.family == .weierstrass: "EC PRIVATE KEY"
            case .ec: "PRIVATE KEY"
            }
        return try der().withBytes { (bytes) throws(CryptoError) in try PEM.text(label, bytes) }
    }
}

extension Certificate {
    package func pem() throws(CryptoError) -> [UInt8] {
        try Secret(der).withBytes { (bytes) throws(CryptoError) in try PEM.text("CERTIFICATE", bytes) }
            .withBytes { Array($0) }
    }
}

import KMSSupport
import OpenSSLCrypto

/// What NGINX needs for one host.
struct TLSEntry {
    let host: String
    /// PEM.
    let key: Secret
    /// PEM, the server's own first.
    let chain: [UInt8]
    let certificate: ServerCertificate
    /// What somebody should look at, although it works.
    var advice: String?

    /// - Throws: `AgentFailure` when the key is not the certificate's, or clients would not accept that for the host:
    ///   what works is never replaced by what cannot.
    init(host: String, key: PrivateKey, certificate: ServerCertificate) throws {
        guard certificate.isOf(publicKey: try key.subjectPublicKeyInfo()) else { throw Self.mismatch }
        try certificate.check(host: host)
        self.host = host
        self.key = try key.pem()
        chain = try certificate.pem()
        self.certificate = certificate
    }

    static var mismatch: AgentFailure {
        AgentFailure(
            .data, "private key and certificate do not belong together",
            remedy: "Name the certificate that was issued for this key, or bring it into the KMS.")
    }

    /// Key and certificates in one text, as `ssl_certificate data:` and `ssl_certificate_key data:` take it.
    var pem: Secret { chain.withUnsafeBytes { Self.text(key, $0) } }

    /// Both PEM.
    static func text(_ key: Secret, _ chain: UnsafeRawBufferPointer) -> Secret {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(key.count + chain.count)
        key.withBytes { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: chain)
        return Secret(copying: &bytes)
    }
}

/// What a store has for a host already, as far as it can be used at all.
struct HeldEntry {
    let certificate: ServerCertificate

    /// nil: no key, no certificate, or they do not belong together.
    init?(_ pem: Secret, rules: CertificateRules) {
        guard let blocks = try? PEM.contents(of: "CERTIFICATE", pem, in: rules.context) else { return nil }
        let chain = blocks.compactMap { try? Certificate(der: $0, in: rules.context) }
        guard let key = try? PEM.privateKey(pem, in: rules.context), let info = try? key.subjectPublicKeyInfo(),
            let certificate = try? ServerCertificate(chain, rules: rules), certificate.isOf(publicKey: info)
        else { return nil }
        self.certificate = certificate
    }
}

internal import CCurl
internal import COpenSSL
package import KMSSupport

/// The certificate that an endpoint shows, trusted or not: for diagnosis only.
package struct PeerCertificate: Sendable {
    /// What it is for: the alternative names, else the subject.
    package var names: String
    package var issuer: String
    /// As OpenSSL writes it, in GMT.
    package var end: String
    /// Whole days until the end; negative when it is over.
    package var daysLeft: Int
    /// Whether it is not valid yet.
    package var isEarly: Bool
    /// In the form of `pinned_public_keys`.
    package var pin: String
    /// Certificates that the endpoint sends, its own included.
    package var chainLength: Int
}

extension CurlTransport {
    /// Makes a connection that is not verified, sends nothing over it, no client certificate either, and ends it.
    package func peerCertificate(deadline: Deadline) throws(TransportError) -> PeerCertificate {
        try Gate.inside { () throws(TransportError) in
            try CurlScope.run(refusing: TransportError(.refused, "inside a request", wasNeverSent: true)) {
                () throws(TransportError) in
                let settings = try probeSettings()
                let handle = try CurlHandle(settings)
                let option = OptionSetter(easy: handle.easy)
                try handle.setURL(settings.address)
                try option.set(CURLOPT_SSL_VERIFYPEER, 0)
                try option.set(CURLOPT_SSL_VERIFYHOST, 0)
                try option.set(CURLOPT_CERTINFO, 1)
                try option.set(CURLOPT_CONNECT_ONLY, 1)
                try option.set(CURLOPT_TIMEOUT_MS, max(1, deadline.remaining))
                let code = curl_easy_perform(handle.easy)
                guard code == CURLE_OK, let certificate = PeerCertificate(handle.easy) else {
                    throw TransportError(
                        code: code, detail: String(cString: handle.errorText), endpoint: "", isTooLarge: false)
                }
                return certificate
            }
        }
    }
}

extension PeerCertificate {
    fileprivate init?(_ easy: UnsafeMutableRawPointer) {
        var information: UnsafeMutablePointer<curl_certinfo>?
        guard CCurl_getinfo_certificates(easy, &information) == CURLE_OK, let found = information?.pointee,
            found.num_of_certs > 0, let first = found.certinfo?.pointee
        else { return nil }
        var fields: [Substring: Substring] = [:]
        var next: UnsafeMutablePointer<curl_slist>? = first
        while let entry = next?.pointee {
            next = entry.next
            let text = entry.data.map { String(cString: $0) } ?? ""
            guard let colon = text.firstIndex(of: ":") else { continue }
            fields[text[..<colon]] = text[text.index(after: colon)...]
        }
        guard let pem = fields["Cert"] else { return nil }
        var input = Array(pem.utf8)
        guard let bio = BIO_new_mem_buf(&input, Int32(clamping: input.count)) else { return nil }
        defer { BIO_free_all(bio) }
        guard let certificate = PEM_read_bio_X509(bio, nil, nil, nil) else { return nil }
        defer { X509_free(certificate) }
        names = String(fields["X509v3 Subject Alternative Name"] ?? fields["Subject"] ?? "")
        issuer = String(fields["Issuer"] ?? "")
        end = String(fields["Expire date"] ?? "")
        chainLength = Int(found.num_of_certs)
        daysLeft = PeerCertificate.days(until: X509_get0_notAfter(certificate))
        isEarly = X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0
        pin = PeerCertificate.pin(of: certificate)
    }

    private static func days(until time: UnsafePointer<ASN1_TIME>?) -> Int {
        var days: Int32 = 0
        var seconds: Int32 = 0
        guard ASN1_TIME_diff(&days, &seconds, nil, time) == 1 else { return 0 }
        return seconds < 0 ? Int(days) - 1 : Int(days)
    }

    private static func pin(of certificate: OpaquePointer) -> String {
        var der: UnsafeMutablePointer<UInt8>?
        let length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der)
        guard length > 0, let der else { return "" }
        defer { CRYPTO_free(der, #file, #line) }
        var digest = [UInt8](repeating: 0, count: 32)
        guard EVP_Digest(der, Int(length), &digest, nil, EVP_sha256(), nil) == 1 else { return "" }
        var text = [UInt8](repeating: 0, count: 48)
        let count = EVP_EncodeBlock(&text, digest, 32)
        return "sha256//" + String(decoding: text.prefix(Int(max(0, count))), as: UTF8.self)
    }
}

internal import COpenSSL
internal import KMSSupport

extension TLSOptions {
    /// What cannot be used of the certificates and keys.
    package enum Problem: Error, Sendable {
        case authorities(String)
        case clientCertificate(String)
        case clientKey(String)
    }

    /// Whether every certificate can be read, and the client's key is the one of its certificate. Local; keys and
    /// passphrases are asked of nobody.
    package func check() throws(Problem) {
        let result: Swift.Result<Void, Problem> = Gate.inside {
            var result: Swift.Result<Void, Problem> = .success(())
            CurlScope.cleanUp {
                do throws(Problem) {
                    try checkAuthorities()
                    try checkClient()
                } catch {
                    result = .failure(error)
                }
            }
            return result
        }
        try result.get()
    }

    private func checkAuthorities() throws(Problem) {
        guard let authorities else { return }
        do throws(TransportError) {
            _ = try TrustStore([TrustStore.Source(pem: authorities, isStrict: true)])
        } catch {
            throw .authorities(error.message)
        }
    }

    private func checkClient() throws(Problem) {
        guard let clientCertificate, let clientKey else { return }
        let certificate: OpaquePointer? = clientCertificate.withBytes {
            TLSOptions.read($0) { PEM_read_bio_X509($0, nil, refusePassphrase, nil) }
        }
        guard let certificate else { throw .clientCertificate("its first certificate cannot be read") }
        defer { X509_free(certificate) }
        let key: OpaquePointer? = clientKey.withBytes {
            TLSOptions.read($0) { PEM_read_bio_PrivateKey($0, nil, refusePassphrase, nil) }
        }
        guard let key else { throw .clientKey("its private key cannot be read") }
        defer { EVP_PKEY_free(key) }
        ERR_set_mark()
        let fits = X509_check_private_key(certificate, key) == 1
        ERR_pop_to_mark()
        guard fits else { throw .clientKey("it is not the key of the certificate in cert_file") }
    }

    private static func read(
        _ bytes: UnsafeRawBufferPointer, _ body: (OpaquePointer) -> OpaquePointer?
    ) -> OpaquePointer? {
        guard let length = Int32(exactly: bytes.count), let input = BIO_new_mem_buf(bytes.baseAddress, length) else {
            return nil
        }
        defer { BIO_free_all(input) }
        ERR_set_mark()
        defer { ERR_pop_to_mark() }
        return body(input)
    }
}

/// pem_password_cb: without it OpenSSL would ask on the host's terminal.
private func refusePassphrase(
    buffer: UnsafeMutablePointer<CChar>?, size: Int32, isWriting: Int32, context: UnsafeMutableRawPointer?
) -> Int32 { -1 }

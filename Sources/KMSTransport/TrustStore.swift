internal import COpenSSL
internal import KMSSupport

/// The certificates that a KMS's certificate must lead to, parsed once.
///
/// libcurl would parse the file for every new connection; with the system's 140 certificates that is 26 ms against
/// 1.4 ms, and needs the file, which a forked worker may no longer be allowed to read.
final class TrustStore: @unchecked Sendable {
    // @unchecked: X509_STORE locks for itself.
    let pointer: OpaquePointer

    struct Source {
        /// PEM certificates, at least one.
        var pem: [UInt8]
        /// Whether an unreadable certificate is an error; a system's collection may have a few.
        var isStrict: Bool
    }

    init(_ sources: [Source]) throws(TransportError) {
        guard let store = X509_STORE_new() else { throw TrustStore.failure("out of memory") }
        pointer = store
        // As libcurl: an intermediate or server certificate in the file is trusted as it is.
        X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        for source in sources {
            let count = try TrustStore.add(source.pem, to: store, isStrict: source.isStrict)
            guard count > 0 else { throw TrustStore.failure("no certificate in it") }
        }
    }

    deinit { X509_STORE_free(pointer) }

    private static func add(_ pem: [UInt8], to store: OpaquePointer, isStrict: Bool) throws(TransportError) -> Int {
        try pem.withBytes { bytes throws(TransportError) in
            guard let length = Int32(exactly: bytes.count), let input = BIO_new_mem_buf(bytes.baseAddress, length)
            else {
                throw failure("it is empty or too large")
            }
            defer { BIO_free_all(input) }
            var count = 0
            for number in 1...maximumCertificates {
                ERR_set_mark()
                let certificate = PEM_read_bio_X509_AUX(input, nil, nil, nil)
                let error = ERR_peek_last_error()
                ERR_pop_to_mark()
                if let certificate {
                    X509_STORE_add_cert(store, certificate)
                    X509_free(certificate)
                    count += 1
                } else if Int32(truncatingIfNeeded: error & 0x7F_FFFF) == PEM_R_NO_START_LINE {
                    break  // The reason is in bits 0–22; this one is how the end of the input looks.
                } else if isStrict {
                    throw failure("certificate \(number) in it cannot be read")
                }
            }
            return count
        }
    }

    private static var maximumCertificates: Int { 10_000 }

    private static func failure(_ reason: String) -> TransportError {
        TransportError(
            .refused,
            "the CA certificates cannot be used: \(reason); ca_certs_file, ca_certs_dir and ca_certs take certificates in"
                + " PEM form",
            wasNeverSent: true)
    }
}

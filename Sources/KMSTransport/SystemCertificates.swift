#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The operating system's collection of CA certificates, as bytes.
enum SystemCertificates {
    /// The file of `SSL_CERT_FILE`, else the first of the usual ones that can be read; nil: there is none.
    static func read() -> [UInt8]? {
        if let path = getenv("SSL_CERT_FILE"), path.pointee != 0 { return contents(String(cString: path)) }
        for path in usual {
            if let bytes = contents(path) { return bytes }
        }
        return nil
    }

    private static var usual: [String] {
        [
            "/etc/ssl/certs/ca-certificates.crt",  // Debian, Ubuntu, Alpine, Arch
            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, RHEL
            "/etc/pki/tls/certs/ca-bundle.crt",  // older RHEL, Amazon Linux
            "/etc/ssl/ca-bundle.pem",  // SUSE
            "/etc/ssl/cert.pem",
        ]
    }

    private static func contents(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        let limit = 16 << 20
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < limit {
            let count = chunk.withUnsafeMutableBytes { readAvailable(descriptor, $0) }
            guard count > 0 else { return count == 0 && !bytes.isEmpty ? bytes : nil }
            bytes.append(contentsOf: chunk[..<count])
        }
        return nil
    }
}

private func readAvailable(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    while true {
        let count = read(descriptor, buffer.baseAddress, buffer.count)
        guard count < 0, errno == EINTR else { return count }
    }
}

internal import FoundationEssentials
internal import KMSSupport
internal import NIOSSL

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// The PEM files of the settings `tls.certificate` and `tls.key`.
struct GivenCertificate {
    let certificateFile: String
    let keyFile: String
    /// The settings by the names that the operator used, for messages.
    let certificateSetting: String
    let keySetting: String

    init?(_ settings: Settings) {
        guard let files = settings.tls else { return nil }
        (certificateFile, keyFile) = files
        certificateSetting = settings.name(of: "tls.certificate")
        keySetting = settings.name(of: "tls.key")
    }

    /// - Throws: `StartError` that names the file and what is wrong with it.
    func configuration() throws(StartError) -> TLSConfiguration {
        let chain = try chain()
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(try key()))
        // Only a context notices a key that does not belong to the certificate.
        guard (try? NIOSSLContext(configuration: configuration)) != nil else {
            throw StartError(
                "the key \(keyFile) does not belong to the first certificate in \(certificateFile); "
                    + "the server's own certificate must stand first")
        }
        return configuration
    }

    private func chain() throws(StartError) -> [NIOSSLCertificate] {
        let bytes = try read(certificateFile, setting: certificateSetting)
        if let chain = try? NIOSSLCertificate.fromPEMBytes(bytes), !chain.isEmpty { return chain }
        let found = contains(bytes, "PRIVATE KEY-----") ? "a private key and no certificate" : "no certificate in PEM"
        throw StartError(
            "\(certificateSetting) \(certificateFile) holds \(found); name the file with the BEGIN CERTIFICATE lines")
    }

    private func key() throws(StartError) -> NIOSSLPrivateKey {
        var bytes = try read(keyFile, setting: keySetting)
        defer { bytes.withUnsafeMutableBytes { Secret.wipe($0) } }
        guard !contains(bytes, "ENCRYPTED") else {
            throw StartError(
                "\(keySetting) \(keyFile) is encrypted; decrypt it with: openssl pkey -in \(keyFile) -out FILE")
        }
        if let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) { return key }
        let found = contains(bytes, "BEGIN CERTIFICATE") ? "a certificate and no key" : "no private key in PEM"
        throw StartError("\(keySetting) \(keyFile) holds \(found); name the file with the BEGIN PRIVATE KEY lines")
    }

    private func read(_ file: String, setting: String) throws(StartError) -> [UInt8] {
        guard access(file, R_OK) == 0 else {
            throw StartError(cannot: "read \(file) of \(setting)", errno)
        }
        guard let data = try? Data(contentsOf: URL(filePath: file)) else {
            throw StartError("\(setting): cannot read \(file); it must be a file in PEM")
        }
        return Array(data)
    }

    private func contains(_ bytes: [UInt8], _ text: String) -> Bool {
        String(decoding: bytes, as: UTF8.self).contains(text)
    }
}

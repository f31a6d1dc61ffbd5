internal import KMSConfiguration
internal import KMSSupport
internal import KMSTransport

// What the keys about TLS mean. Files are read here, once, before any fork.

extension SlotRules {
    // MARK: Trust

    static func authorityFile(
        _ slot: inout Configuration.Slot, _ path: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        add(try entry.pem(path, "CERTIFICATE").bytes, to: &slot)
    }

    /// Every file of the folder that ends like one with a certificate. What is none is left out; that there is none at
    /// all is an error.
    static func authorityFolder(
        _ slot: inout Configuration.Slot, _ path: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        let folder = entry.absolute(path)
        let names: [String]
        do throws(ConfigurationFile.Failure) {
            names = try ConfigurationFile.names(inFolder: folder)
        } catch {
            throw entry.error("cannot read the folder \(folder): \(error.reason)", error.kind)
        }
        var count = 0
        for name in names.sorted() where isCertificateName(name) {
            guard let file = try? ConfigurationFile(path: folder + "/" + name, limit: 16 << 20),
                file.bytes.offset(of: "-----BEGIN CERTIFICATE-----") != nil
            else { continue }
            add(file.bytes, to: &slot)
            count += 1
        }
        guard count > 0 else {
            throw entry.error(
                "\(folder) has no readable certificate; put files in PEM form there that end in .pem, .crt, .cer or .0")
        }
    }

    /// `.0` to `.9` are the names that openssl rehash makes.
    private static func isCertificateName(_ name: String) -> Bool {
        guard let dot = name.lastIndex(of: ".") else { return false }
        let end = name[name.index(after: dot)...]
        return ["pem", "crt", "cer"].contains(end) || (end.utf8.count == 1 && Int(end) != nil)
    }

    static func authorities(
        _ slot: inout Configuration.Slot, _ text: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        let bytes = Array(text.utf8)
        guard bytes.offset(of: "-----BEGIN CERTIFICATE-----") != nil else {
            throw entry.error("it holds no PEM certificate; write the certificate itself between \"\"\" and \"\"\"")
        }
        add(bytes, to: &slot)
    }

    private static func add(_ pem: [UInt8], to slot: inout Configuration.Slot) {
        slot.tls.authorities = (slot.tls.authorities ?? []) + pem + [UInt8(ascii: "\n")]
    }

    static func pins(
        _ slot: inout Configuration.Slot, _ pins: [String], _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        slot.tls.pins = []
        for text in pins {
            guard let pin = TLSOptions.pin(text) else {
                throw entry.error(
                    "\"\(text)\" is no pin; write sha256//BASE64, the SHA-256 of the public key in DER: openssl x509"
                        + " -in kms.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256"
                        + " -binary | base64")
            }
            slot.tls.pins.append(pin)
        }
    }

    static func serverName(
        _ slot: inout Configuration.Slot, _ name: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        guard let url = try? EndpointURL("https://" + name), url.host == name, url.bracketedHost == name,
            url.path.isEmpty, url.text == "https://" + name
        else { throw entry.error("it must be a host name, without scheme, port and path") }
        slot.tls.serverName = name
    }

    // MARK: Client

    static func clientCertificate(
        _ slot: inout Configuration.Slot, _ path: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        slot.tls.clientCertificate = try entry.pem(path, "CERTIFICATE").bytes
    }

    static func clientKey(
        _ slot: inout Configuration.Slot, _ path: String, _ entry: ConfigurationEntry
    ) throws(ConfigurationError) {
        var file = try entry.pem(path, "PRIVATE KEY")
        if file.isWorldReadable {
            throw entry.error("every user of this machine can read \(file.path); chmod 600 it", .permission)
        }
        let isEncrypted = ["ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED"].contains {
            file.bytes.offset(of: $0) != nil
        }
        guard !isEncrypted else {
            throw entry.error(
                "\(file.path) needs a passphrase, and nobody is there to type it; decrypt it with openssl pkey -in"
                    + " \(file.path) -out NEW, and let only the program that uses the module read NEW")
        }
        slot.tls.clientKey = Secret(copying: &file.bytes)
    }

    /// What must be said together.
    static func checkPair(_ entries: [String: ConfigurationEntry]) throws(ConfigurationError) {
        switch (entries["cert_file"], entries["key_file"]) {
        case (let entry?, nil): throw entry.error("it needs key_file, its private key")
        case (nil, let entry?): throw entry.error("it needs cert_file, its certificate")
        default: break
        }
    }

    /// Whether certificates and keys can be used, once all keys of a slot are set.
    static func check(_ tls: TLSOptions, _ entries: [String: ConfigurationEntry]) throws(ConfigurationError) {
        if let app = entries["app_id"], entries["api_key"] == nil, entries["cert_file"] == nil {
            throw app.error("it needs cert_file and key_file, the certificate with which the app logs in")
        }
        do throws(TLSOptions.Problem) {
            try tls.check()
        } catch {
            switch error {
            case .authorities(let reason):
                let keys = ["ca_certs_file", "ca_certs_dir", "ca_certs"]
                guard let entry = keys.compactMap({ entries[$0] }).first else { return }
                throw entry.error(reason)
            case .clientCertificate(let reason):
                throw entries["cert_file"]?.error("\(reason); give a certificate in PEM form")
                    ?? ConfigurationError(reason)
            case .clientKey(let reason):
                throw entries["key_file"]?.error("\(reason); give its private key in PEM form (PKCS #8)")
                    ?? ConfigurationError(reason)
            }
        }
    }
}

extension ConfigurationEntry {
    /// - Parameter kind: the end of the word in `-----BEGIN …-----`.
    func pem(_ name: String, _ kind: String) throws(ConfigurationError) -> ConfigurationFile {
        let path = absolute(name)
        let file: ConfigurationFile
        do throws(ConfigurationFile.Failure) {
            file = try ConfigurationFile(path: path, limit: 16 << 20)
        } catch {
            throw self.error(
                "cannot read \(path): \(error.reason); correct the path or the file's permissions", error.kind)
        }
        guard file.bytes.offset(of: "-----BEGIN ") != nil, file.bytes.offset(of: kind + "-----") != nil else {
            throw error("\(path) holds no PEM block BEGIN \(kind); give the file in PEM form")
        }
        return file
    }
}

extension ConfigurationFile.Failure {
    var kind: ConfigurationError.Kind { isPermission ? .permission : .unreadable }
}

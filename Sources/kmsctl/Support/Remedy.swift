import KMSTransport

/// What helps against a connection that does not come about. The message names the cause; that decides.
enum Remedy {
    /// Where the reader gives what is missing.
    enum Place {
        /// Options and variables of kmsctl.
        case commandLine
        /// The module's configuration.
        case module
    }

    static func of(
        _ error: TransportError, at url: EndpointURL, place: Place, proxy: ProxySettings, hasClientCertificate: Bool
    ) -> String? {
        switch error.kind {
        case .tls: return ofTLS(error.message, at: url, place: place)
        case .refused:
            return hasClientCertificate
                ? "Check cert_file and key_file: the key must be the one of the certificate, in PEM, without a passphrase."
                : "Check the CA file and the address."
        case .resolution, .connection, .timedOut, .interrupted, .protocolViolation: break
        }
        if proxy.applies(to: url.host) {
            return
                "The connection goes through the proxy \(proxy.shownAddress) (\(proxy.origin)): check that it runs and"
                + " lets through to \(url.host), or put \(url.host) into no_proxy."
        }
        switch error.kind {
        case .timedOut:
            return "Nothing answers there in time: the KMS hangs, is stopped or overloaded, or a firewall drops what"
                + " is sent. Look at the KMS's log" + (place == .commandLine ? ", or give --timeout." : ".")
        case .connection, .interrupted:
            // Of the first connection the transport's message says what to check; doctor comes here after TCP worked.
            guard place == .module || error.kind == .interrupted else { return nil }
            return "The connection ends before there is an answer: the KMS is starting or stopping, or this port is"
                + " no KMS. Look at its log, and check the endpoint."
        case .protocolViolation: return "Check that \(url) is the address of a KMS."
        case .resolution, .tls, .refused: return nil
        }
    }

    /// For a 404 where the session begins: something answers, but not the API.
    static func notAnAPI(_ url: EndpointURL) -> String {
        let hint = url.path.isEmpty ? "" : " Usually it has no path: try the address without \(url.path)."
        return "Is \(url) the API of the KMS?" + hint
    }

    private static func ofTLS(_ message: String, at url: EndpointURL, place: Place) -> String {
        func says(_ parts: String...) -> Bool { parts.contains { message.contains($0) } }
        if says("wrong version number", "packet length too long", "http request", "record layer failure") {
            return "Port \(url.port) of \(url.host) does not speak TLS: check the port of the endpoint."
        }
        if says("key values mismatch", "private key", "client certificate") {
            return "Check cert_file and key_file: the key must be the one of the certificate."
        }
        if says("subject name") {
            return "Use a host name or address in the endpoint that the KMS's certificate contains, or give that in"
                + " tls_server_name; kmsd init --host puts names into it."
        }
        if says("pinned public key") {
            return "The KMS has another key than pinned_public_keys allow. Was it replaced on purpose? Then pin the new"
                + " one as well; otherwise somebody stands in between."
        }
        if says("protocol version", "unsupported protocol") {
            return "The KMS does not speak the version of TLS that min_tls_version asks for."
        }
        if says("has expired") { return "Renew the KMS's certificate, or correct this machine's clock." }
        if says("not yet valid") { return "Correct this machine's clock." }
        if says("alert certificate required", "alert bad certificate", "alert unknown ca") {
            return "The KMS wants a client certificate that it knows: check cert_file and key_file."
        }
        if says("local issuer", "get issuer", "self-signed", "self signed", "verify the first", "unable to verify") {
            switch place {
            case .commandLine: return "For kmsctl the KMS's certificate authority is --ca-file or KMSCTL_CA_FILE."
            case .module: return "Give the KMS's certificate authority in ca_certs_file (or --ca-file)."
            }
        }
        return "The TLS handshake fails: compare TLS versions, ciphers and certificates of this machine and the KMS."
    }
}

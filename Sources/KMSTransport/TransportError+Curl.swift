internal import CCurl

extension TransportError {
    /// libcurl's result in our terms, with what the operator can do about it.
    ///
    /// - Parameters:
    ///   - detail: libcurl's own text (CURLOPT_ERRORBUFFER), which never has headers; may be empty.
    ///   - isTooLarge: our limit on the answer ended the transfer.
    init(code: CURLcode, detail: String, endpoint: String, isTooLarge: Bool) {
        let text = detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
        let kind = isTooLarge ? .protocolViolation : TransportError.kind(of: code, text)
        var message = "\(endpoint): \(text)"
        if isTooLarge { message = "\(endpoint): the answer is larger than allowed" }
        if let remedy = TransportError.remedy(kind, code, text) { message += "; " + remedy }
        self.init(kind, message)
    }

    private static func kind(of code: CURLcode, _ text: String) -> Kind {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .resolution
        case CURLE_COULDNT_CONNECT, CURLE_PROXY: .connection
        case CURLE_OPERATION_TIMEDOUT: .timedOut
        case CURLE_SSL_CONNECT_ERROR: isLostConnection(text) ? .connection : .tls
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS:
            .tls
        case CURLE_RECV_ERROR where text.contains(refusedTunnel): .connection
        // The server may refuse our certificate, or its absence, only when TLS 1.3 is already up.
        case CURLE_SEND_ERROR, CURLE_RECV_ERROR: text.contains("alert") ? .tls : .interrupted
        case CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_AGAIN: .interrupted
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_WRITE_ERROR, CURLE_FILESIZE_EXCEEDED,
            CURLE_BAD_CONTENT_ENCODING:
            .protocolViolation
        case CURLE_SSL_CERTPROBLEM, CURLE_URL_MALFORMAT, CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT, CURLE_NOT_BUILT_IN,
            CURLE_UNKNOWN_OPTION, CURLE_BAD_FUNCTION_ARGUMENT, CURLE_RECURSIVE_API_CALL:
            .refused
        default: .interrupted
        }
    }

    /// The connection ended during the handshake without a word of TLS: a server that starts or stops.
    private static func isLostConnection(_ text: String) -> Bool {
        text.contains("SSL_ERROR_SYSCALL") || text.contains("Connection reset") || text.contains("unexpected eof")
    }

    /// How libcurl begins when a proxy answers CONNECT with something else than 200.
    private static var refusedTunnel: String { "CONNECT tunnel failed" }

    private static func remedy(_ kind: Kind, _ code: CURLcode, _ text: String) -> String? {
        switch kind {
        case .resolution where code == CURLE_COULDNT_RESOLVE_PROXY:
            return "check the host name of the proxy (proxy in the configuration, else HTTPS_PROXY)"
        case .resolution: return "check the host name of the endpoint and this machine's DNS"
        case .connection where text.contains("response 407"):
            return "the proxy wants a user name and a password: proxy = \"http://user:password@host:port\""
        case .connection where text.contains(refusedTunnel):
            return "the proxy does not let through to the KMS: allow it there, or name the KMS in no_proxy"
        case .connection where code == CURLE_PROXY: return "check that the proxy is of the kind that its scheme says"
        case .connection: return "check that the KMS runs and that endpoint, port and firewall are right"
        case .tls: break
        case .timedOut, .interrupted, .protocolViolation, .refused: return nil
        }
        for (part, remedy) in tlsRemedies where text.contains(part) { return remedy }
        return nil
    }

    private static var tlsRemedies: [(part: String, remedy: String)] {
        let authority = "set ca_certs_file to the file with the KMS's CA certificate, or add it to the system's"
        let ownCertificate = "the KMS wants a client certificate that it knows: check cert_file and key_file"
        return [
            ("unable to get local issuer", authority),
            ("unable to get issuer", authority),
            ("self-signed certificate", authority),
            ("self signed certificate", authority),
            ("unable to verify the first certificate", authority),
            ("has expired", "renew the KMS's certificate, or correct this machine's clock"),
            ("not yet valid", "correct this machine's clock"),
            (
                "subject name",
                "use a host name that the KMS's certificate contains as endpoint, or name it in tls_server_name"
            ),
            (
                "pinned public key",
                "the KMS has another key than pinned_public_keys allow: was it replaced, or is it not yours?"
            ),
            ("wrong version number", "this port does not speak TLS: check the endpoint"),
            ("alert certificate required", ownCertificate),
            ("alert bad certificate", ownCertificate),
            ("alert unsupported certificate", ownCertificate),
            ("alert certificate expired", ownCertificate),
            ("alert certificate revoked", ownCertificate),
            ("alert certificate unknown", ownCertificate),
            ("alert unknown ca", ownCertificate),
            ("alert handshake failure", "the KMS accepts none of this machine's TLS versions and ciphers"),
            ("alert protocol version", "the KMS does not speak TLS 1.2 or newer, or not what min_tls_version asks for"),
            ("unsupported protocol", "the KMS does not speak TLS 1.2 or newer, or not what min_tls_version asks for"),
        ]
    }
}

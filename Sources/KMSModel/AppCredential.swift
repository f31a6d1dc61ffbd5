package import FoundationEssentials

/// `credential` of an app: how it logs in (reference: Credential kinds). An object with exactly one field.
package enum AppCredential: Codable, Sendable, Equatable {
    /// An API key; nil asks for one that the server makes.
    case secret(String?)
    /// This very certificate (DER), shown in the TLS handshake.
    case certificate(Data)
    /// Any certificate of an authority that names the app.
    case trustedAuthority(TrustedAuthority)

    private struct Kind: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private static var secretKind: Kind { Kind(stringValue: "secret") }
    private static var certificateKind: Kind { Kind(stringValue: "certificate") }
    private static var authorityKind: Kind { Kind(stringValue: "trustedca") }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Kind.self)
        guard let kind = container.allKeys.first, container.allKeys.count == 1 else {
            throw AppCredential.wrong("expected exactly one of secret, certificate and trustedca", decoder)
        }
        switch kind.stringValue.lowercased() {
        case "secret":
            self = .secret(try container.decodeIfPresent(String.self, forKey: kind))
        case "certificate":
            self = .certificate(try container.decode(Data.self, forKey: kind))
        case "trustedca":
            self = .trustedAuthority(try container.decode(TrustedAuthority.self, forKey: kind))
        default:
            throw AppCredential.wrong("only secret, certificate and trustedca are supported", decoder)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Kind.self)
        switch self {
        case .secret(let secret): try container.encode(secret, forKey: AppCredential.secretKind)
        case .certificate(let der): try container.encode(der, forKey: AppCredential.certificateKind)
        case .trustedAuthority(let authority): try container.encode(authority, forKey: AppCredential.authorityKind)
        }
    }

    /// `auth_type` of the app.
    package var authType: String {
        switch self {
        case .secret: "Secret"
        case .certificate: "Certificate"
        case .trustedAuthority: "TrustedCa"
        }
    }

    private static func wrong(_ text: String, _ decoder: any Decoder) -> DecodingError {
        .dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: text))
    }
}

/// `trustedca` of a credential: whose certificates are accepted, and which of them are the app's.
package struct TrustedAuthority: Codable, Sendable, Equatable {
    /// What a certificate must say to be the app's.
    package enum Subject: Codable, Sendable, Equatable {
        /// The whole subject: pairs of attribute (dotted OID or CN, OU, O, L, ST, C) and value, in any order.
        case name([[String]])
        /// A DNS name among the alternative names.
        case dnsName(String)
        /// An address among the alternative names.
        case address(String)

        private enum Key: String, CodingKey {
            case subject
            case general = "subject_general"
        }

        private enum General: String, CodingKey {
            case dnsName = "dns_name"
            case address = "ip_address"
        }

        package init(from decoder: any Decoder) throws {
            // Older clients send the pairs themselves.
            if let pairs = try? decoder.singleValueContainer().decode([[String]].self) {
                self = .name(pairs)
                return
            }
            let container = try decoder.container(keyedBy: Key.self)
            if let pairs = try container.decodeIfPresent([[String]].self, forKey: .subject) {
                self = .name(pairs)
                return
            }
            let general = try container.nestedContainer(keyedBy: General.self, forKey: .general)
            if let name = try general.decodeIfPresent(String.self, forKey: .dnsName) {
                self = .dnsName(name)
            } else if let address = try general.decodeIfPresent(String.self, forKey: .address) {
                self = .address(address)
            } else {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: general.codingPath, debugDescription: "expected dns_name or ip_address"))
            }
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            switch self {
            case .name(let pairs):
                try container.encode(pairs, forKey: .subject)
            case .dnsName(let name):
                var general = container.nestedContainer(keyedBy: General.self, forKey: .general)
                try general.encode(name, forKey: .dnsName)
            case .address(let address):
                var general = container.nestedContainer(keyedBy: General.self, forKey: .general)
                try general.encode(address, forKey: .address)
            }
        }
    }

    package var subject: Subject
    /// DER.
    package var caCertificate: Data
    package var checkRevocation: Bool?

    package enum CodingKeys: String, CodingKey {
        case subject
        case caCertificate = "ca_certificate"
        case checkRevocation = "check_revocation"
    }

    package init(caCertificate: Data, subject: Subject) {
        self.caCertificate = caCertificate
        self.subject = subject
    }
}

/// GET /sys/v1/apps/{id}/credential.
package struct AppCredentialResponse: Codable, Sendable {
    package struct Credential: Codable, Sendable {
        package var secret: String?
        package var certificate: Data?
        package var trustedCA: TrustedAuthority?

        package enum CodingKeys: String, CodingKey {
            case secret, certificate
            case trustedCA = "trustedca"
        }

        package init(secret: String?) { self.secret = secret }

        package init(_ credential: AppCredential) {
            switch credential {
            case .secret(let secret): self.secret = secret
            case .certificate(let der): certificate = der
            case .trustedAuthority(let authority): trustedCA = authority
            }
        }
    }

    /// The API key before the last reset, which is not kept itself, works until then.
    package struct Previous: Codable, Sendable {
        package var validUntil: Timestamp

        package enum CodingKeys: String, CodingKey { case validUntil = "valid_until" }

        package init(validUntil: Timestamp) { self.validUntil = validUntil }
    }

    package var appID: String
    package var credential: Credential
    package var previousCredential: Previous?

    package enum CodingKeys: String, CodingKey {
        case appID = "app_id"
        case credential
        case previousCredential = "previous_credential"
    }

    package init(appID: String, credential: Credential) {
        self.appID = appID
        self.credential = credential
    }
}

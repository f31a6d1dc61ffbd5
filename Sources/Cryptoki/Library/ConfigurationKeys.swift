/// The keys of the configuration file, one row each. Parser, error messages and the sample file follow this table.
package struct ConfigurationKey: Sendable {
    package enum Kind: Sendable, Equatable {
        case text
        /// An integer within these bounds.
        case number(ClosedRange<Int>)
        case texts
        case table
        /// Understood by the vendor's module and without effect here, whatever its type.
        case ignored(String)

        package var name: String {
            switch self {
            case .text: "a string"
            case .number(let range): "an integer from \(range.lowerBound) to \(range.upperBound)"
            case .texts: "an array of strings"
            case .table: "a table"
            case .ignored: "anything"
            }
        }
    }

    package var name: String
    package var kind: Kind

    init(_ name: String, _ kind: Kind) {
        self.name = name
        self.kind = kind
    }
}

package enum ConfigurationKeys {
    /// Keys that describe a slot: at the top level for the only slot, or as the default of every `[[slot]]`.
    package static var slot: [ConfigurationKey] {
        [
            // CK_TOKEN_INFO.label, 1 to 32 bytes.
            ConfigurationKey("label", .text),
            // A name of `BackendTable`.
            ConfigurationKey("backend", .text),
            // https://host[:port][/path], the vendor's key for one endpoint.
            ConfigurationKey("api_endpoint", .text),
            // Several equivalent nodes; instead of api_endpoint.
            ConfigurationKey("endpoints", .texts),
            // A name of `EndpointChoice`.
            ConfigurationKey("endpoint_choice", .text),
            // Milliseconds that one of several endpoints may be silent before another one is asked.
            ConfigurationKey("failover_timeout_millis", .number(10...600_000)),
            // The key itself, file:/path or env:NAME.
            ConfigurationKey("api_key", .text),
            // PEM, CA certificates to trust instead of the system's.
            ConfigurationKey("ca_certs_file", .text),
            // PEM, certificate and private key for mutual TLS.
            ConfigurationKey("cert_file", .text),
            ConfigurationKey("key_file", .text),
            // UUID of the app that logs in with cert_file.
            ConfigurationKey("app_id", .text),
            // Seconds for which a listing of objects is believed.
            ConfigurationKey("cache_ttl", .number(0...86_400)),
            // Milliseconds for one C_ call, connecting and repeating included.
            ConfigurationKey("retry_timeout_millis", .number(1...3_600_000)),
            // A name of `VerifiedSignatures`.
            ConfigurationKey("verify_signatures", .text),
            // kms or local: who makes and holds keys that a session generates.
            ConfigurationKey("session_keys", .text),
            // 0: no limit.
            ConfigurationKey("max_concurrent_requests_per_slot", .number(0...65_536)),
        ]
    }

    /// Keys of the top level beside those of a slot.
    package static var top: [ConfigurationKey] {
        slot + [
            ConfigurationKey("log", .table),
            // [[slot]]
            ConfigurationKey("slot", .table),
        ] + vendor
    }

    package static var log: [ConfigurationKey] {
        [
            // off, error, warn, info or debug.
            ConfigurationKey("level", .text),
            ConfigurationKey("system", .ignored("the log goes to standard error")),
            ConfigurationKey("file", .ignored("the log goes to standard error")),
        ]
    }

    /// What else the vendor's file may hold. Refusing it would stop a working installation for nothing.
    private static var vendor: [ConfigurationKey] {
        [
            ConfigurationKey("h2_num_connections", .ignored("connections are opened as needed")),
            ConfigurationKey("quorum_approval", .ignored("an operation that needs approval is refused")),
            ConfigurationKey("fake_rsa_x9_31_keygen_support", .ignored("this module does not imitate X9.31")),
            ConfigurationKey("signing_aes_key_as_hmac", .ignored("keys keep their type")),
            ConfigurationKey("exact_key_ops", .ignored("keys keep their operations")),
            ConfigurationKey("prevent_duplicate_opaque_objects", .ignored("objects keep their names")),
            ConfigurationKey("opaque_objects_are_not_certificates", .ignored("opaque objects are data")),
        ]
    }
}

package import KMSSupport
internal import KMSTransport

/// The keys of the configuration file, one row each. A new key is a row here, in the sample and in kms-pkcs11.conf(5);
/// the tests compare the three.
package enum ConfigurationKeys {
    /// Keys that describe a slot: at the top level for the only slot, or as the default of every `[[slot]]`.
    package static var slot: [ConfigurationKey<Configuration.Slot>] { token + connection + trust + client }

    private static var token: [ConfigurationKey<Configuration.Slot>] {
        [
            ConfigurationKey("label", .text(SlotRules.label), standard: "\"Fortanix Token\""),
            ConfigurationKey("backend", .text(SlotRules.backend), standard: "\"fortanix\""),
            ConfigurationKey(
                "cache_ttl", .number(0...86_400) { slot, seconds, _ in slot.cacheSeconds = seconds }, standard: "60",
                unit: "seconds"),
            ConfigurationKey(
                "retry_timeout_millis", .number(1...3_600_000) { slot, limit, _ in slot.deadlineMilliseconds = limit },
                standard: "10000", unit: "milliseconds"),
            ConfigurationKey(
                "max_concurrent_requests_per_slot",
                .number(0...65_536) { slot, limit, _ in slot.maximumConcurrentRequests = limit }, standard: "0",
                unit: "requests"),
            ConfigurationKey(
                "verify_signatures", .choice { (slot, which: VerifiedSignatures) in slot.verifiedSignatures = which },
                standard: "\"rsa\""),
            ConfigurationKey("session_keys", .text(SlotRules.sessionKeys), standard: "\"kms\""),
        ]
    }

    private static var connection: [ConfigurationKey<Configuration.Slot>] {
        [
            ConfigurationKey("api_endpoint", .text(SlotRules.endpoint), standard: "none", group: .endpoints),
            ConfigurationKey("endpoints", .texts(SlotRules.endpoints), standard: "none", group: .endpoints),
            ConfigurationKey(
                "endpoint_choice", .choice { (slot, choice: EndpointChoice) in slot.endpointChoice = choice },
                standard: "\"last_good\""),
            ConfigurationKey(
                "failover_timeout_millis",
                .number(10...600_000) { slot, limit, _ in slot.failoverMilliseconds = limit }, standard: "2000",
                unit: "milliseconds"),
            ConfigurationKey(
                "proxy", .text(SlotRules.proxy), standard: "HTTPS_PROXY", isSecret: true,
                effective: { $0.proxy.address == nil ? "none" : $0.proxy.quotedAddress }),
            ConfigurationKey(
                "no_proxy", .texts(SlotRules.exceptions), standard: "NO_PROXY",
                effective: { $0.proxy.exceptions.isEmpty ? "none" : $0.proxy.quotedExceptions }),
        ]
    }

    private static var trust: [ConfigurationKey<Configuration.Slot>] {
        [
            ConfigurationKey(
                "ca_certs_file", .text(SlotRules.authorityFile), standard: "the system's", group: .authorities,
                effective: { $0.tls.authorities == nil ? "the system's" : "none" }),
            ConfigurationKey("ca_certs_dir", .text(SlotRules.authorityFolder), standard: "none", group: .authorities),
            ConfigurationKey("ca_certs", .text(SlotRules.authorities), standard: "none", group: .authorities),
            ConfigurationKey(
                "ca_certs_system", .flag { slot, isOn, _ in slot.tls.addsSystemAuthorities = isOn },
                standard: "true without the three keys above, else false", group: .authorities,
                effective: { $0.tls.needsSystemAuthorities ? "true" : "false" }),
            ConfigurationKey("pinned_public_keys", .texts(SlotRules.pins), standard: "none"),
            ConfigurationKey(
                "min_tls_version",
                .choice { (slot, version: TLSOptions.Version) in slot.tls.minimumVersion = version },
                standard: "\"1.2\""),
            ConfigurationKey("tls_server_name", .text(SlotRules.serverName), standard: "the endpoint's host"),
        ]
    }

    private static var client: [ConfigurationKey<Configuration.Slot>] {
        [
            ConfigurationKey("api_key", .text(SlotRules.apiKey), standard: "none", group: .credential, isSecret: true),
            ConfigurationKey("app_id", .text(SlotRules.appID), standard: "none", group: .credential),
            ConfigurationKey("cert_file", .text(SlotRules.clientCertificate), standard: "none", group: .client),
            ConfigurationKey("key_file", .text(SlotRules.clientKey), standard: "none", group: .client),
        ]
    }

    /// Keys of `[log]`.
    package static var log: [ConfigurationKey<LogSettings>] {
        [
            ConfigurationKey("level", .text(LogRules.level), standard: "\"warn\""),
            ConfigurationKey(
                "stderr", .flag { log, isOn, _ in log.usesStandardError = isOn },
                standard: "true without system and file, else false",
                effective: { $0.writesStandardError ? "true" : "false" }),
            ConfigurationKey("system", .flag { log, isOn, _ in log.usesSystemLog = isOn }, standard: "false"),
            ConfigurationKey("system_socket", .text(LogRules.systemSocket), standard: "\"/dev/log\""),
            ConfigurationKey("file", .file(logFile), standard: "none"),
            ConfigurationKey(
                "slow_call_millis", .number(0...3_600_000) { log, limit, _ in log.slowMilliseconds = limit },
                standard: "2000", unit: "milliseconds"),
            ConfigurationKey("counters_dir", .text(LogRules.countersDirectory), standard: "none"),
            ConfigurationKey(
                "counters_interval", .number(1...86_400) { log, seconds, _ in log.countersSeconds = seconds },
                standard: "60", unit: "seconds"),
        ]
    }

    /// Keys of `[log.file]`.
    package static var logFile: [ConfigurationKey<LogSettings>] {
        [
            ConfigurationKey("path", .text(LogRules.file), standard: "none"),
            ConfigurationKey(
                "file_size_kb", .number(0...1_048_576) { log, size, _ in log.file?.rotationBytes = size * 1_024 },
                standard: "0", unit: "KiB"),
            ConfigurationKey(
                "max_files", .number(0...1_000) { log, count, _ in log.file?.keptFiles = count }, standard: "5",
                unit: "files"),
        ]
    }

    /// What else the vendor's file may hold. Refusing it would stop a working installation for nothing.
    package static var vendor: [ConfigurationKey<Configuration.Slot>] {
        [
            ("h2_num_connections", "connections are opened as needed"),
            ("quorum_approval", "an operation that needs approval is refused"),
            ("fake_rsa_x9_31_keygen_support", "this module does not imitate X9.31"),
            ("signing_aes_key_as_hmac", "keys keep their type"),
            ("exact_key_ops", "keys keep their operations"),
            ("prevent_duplicate_opaque_objects", "objects keep their names"),
            ("opaque_objects_are_not_certificates", "opaque objects are data"),
        ].map { ConfigurationKey($0, .ignored($1), standard: "none") }
    }

    /// Tables at the top level, beside keys.
    static var tables: [String] { ["log", "slot"] }
}

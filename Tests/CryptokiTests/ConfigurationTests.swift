import Cryptoki
import Foundation
import KMSSupport
import KMSTransport
import Testing

private let certificate = TestIdentity.certificate
private let privateKey = TestIdentity.privateKey

@Suite struct ConfigurationTests {
    @Test func nothingConfiguredIsASlotWithoutToken() throws {
        // Where a default file exists on the machine that runs the test, there is nothing to be said.
        guard !Configuration.defaultPaths.contains(where: FileManager.default.fileExists) else { return }
        let configuration = try Configuration.load { _ in nil }
        #expect(configuration.slots.count == 1)
        #expect(configuration.slots[0].endpoints.isEmpty)
        #expect(configuration.slots[0].apiKey == nil)
        #expect(configuration.slots[0].label == "Fortanix Token")
        #expect(configuration.slots[0].cacheSeconds == 60)
        #expect(configuration.slots[0].deadlineMilliseconds == 10_000)
        #expect(configuration.slots[0].maximumConcurrentRequests == 0)
        #expect(configuration.log.level == .warning)
        #expect(configuration.source == "environment")
    }

    @Test func everyKeyOfTheVendorsFile() throws {
        let folder = try ConfigurationFolder()
        try folder.write(certificate, to: "ca.pem")
        try folder.write(certificate, to: "client.pem")
        try folder.write(privateKey, to: "client.key")
        let configuration = try folder.load(
            """
            api_endpoint = "https://kms.example.com/"
            api_key = "key-in-file"
            ca_certs_file = "ca.pem"
            cert_file = "\(folder.path)/client.pem"
            key_file = "client.key"
            app_id = "0f9d3fbc-4a5c-4b7b-9f0e-2f6f7f1d3c11"
            cache_ttl = 5
            retry_timeout_millis = 2500
            max_concurrent_requests_per_slot = 7
            session_keys = "local"

            [log]
            level = "debug"
            """)
        let slot = configuration.slots[0]
        #expect(slot.endpoints == ["https://kms.example.com"])
        #expect(slot.hasLocalSessionKeys)
        #expect(slot.apiKey?.equals(Secret("key-in-file")) == true)
        #expect(slot.tls.authorities == Array((certificate + "\n").utf8))
        #expect(slot.tls.clientCertificate == Array(certificate.utf8))
        #expect(slot.tls.clientKey?.equals(Secret(privateKey)) == true)
        #expect(slot.appID == "0f9d3fbc-4a5c-4b7b-9f0e-2f6f7f1d3c11")
        #expect(slot.cacheSeconds == 5)
        #expect(slot.deadlineMilliseconds == 2_500)
        #expect(slot.maximumConcurrentRequests == 7)
        #expect(configuration.log.level == .debug)
        #expect(configuration.source == folder.path + "/kms-pkcs11.conf")
        #expect(configuration.warnings.isEmpty)
    }

    @Test func slotsInheritFromTheTopLevel() throws {
        let folder = try ConfigurationFolder()
        let configuration = try folder.load(
            """
            cache_ttl = 9
            api_key = "common"

            [[slot]]
            label = "first"
            endpoints = ["https://a.example.com", "b.example.com:8443/kms"]

            [[slot]]
            label = "second"
            backend = "fortanix"
            api_endpoint = "c.example.com"
            api_key = "own"
            """)
        #expect(configuration.slots.map(\.label) == ["first", "second"])
        #expect(configuration.slots.map(\.cacheSeconds) == [9, 9])
        #expect(configuration.slots[0].endpoints == ["https://a.example.com", "https://b.example.com:8443/kms"])
        #expect(configuration.slots[1].endpoints == ["https://c.example.com"])
        #expect(configuration.slots[0].apiKey?.equals(Secret("common")) == true)
        #expect(configuration.slots[1].apiKey?.equals(Secret("own")) == true)
    }

    @Test func environmentOverridesTheDefaultSlotOnly() throws {
        let folder = try ConfigurationFolder()
        let configuration = try folder.load(
            """
            [[slot]]
            label = "first"
            api_endpoint = "a.example.com"
            api_key = "file:/nowhere/at/all"
            [[slot]]
            label = "second"
            api_endpoint = "b.example.com"
            api_key = "second's"
            """,
            [
                "FORTANIX_API_ENDPOINT": "https://c.example.com:1234", "FORTANIX_API_KEY": "from-environment",
                "KMS_PKCS11_LOG": "error",
            ])
        #expect(configuration.slots[0].endpoints == ["https://c.example.com:1234"])
        #expect(configuration.slots[0].apiKey?.equals(Secret("from-environment")) == true)
        #expect(configuration.slots[1].endpoints == ["https://b.example.com"])
        #expect(configuration.slots[1].apiKey?.equals(Secret("second's")) == true)
        #expect(configuration.log.level == .error)
    }

    @Test func emptyVariablesCountAsUnset() throws {
        let folder = try ConfigurationFolder()
        let configuration = try folder.load(
            "api_endpoint = 'a.example.com'",
            ["FORTANIX_API_ENDPOINT": "", "FORTANIX_API_KEY": "", "KMS_PKCS11_LOG": ""])
        #expect(configuration.slots[0].endpoints == ["https://a.example.com"])
        #expect(configuration.slots[0].apiKey == nil)
    }

    @Test(arguments: [
        (
            "api_endpoin = \"x\"",
            "kms-pkcs11.conf:1: unknown key \"api_endpoin\" in the configuration file; known keys: "
        ),
        ("# comment\n\n[log]\nlevel = \"info\"\nlevle = 1", "kms-pkcs11.conf:5: unknown key \"levle\" in [log]; known"),
        ("a.b = 1", "kms-pkcs11.conf:1: unknown key \"a\""),
        ("cache_ttl = 1\n[[slot]]\nlabel = 'a'\n[[slot]]\nlabel = 'b'\ncolour = 1", "kms-pkcs11.conf:6: unknown key"),
        ("\n\ncache_ttl = \"60\"", "kms-pkcs11.conf:3: cache_ttl must be an integer from 0 to 86400, not a string"),
        ("cache_ttl = -1", "kms-pkcs11.conf:1: cache_ttl must be an integer from 0 to 86400, not -1"),
        ("cache_ttl = 1.5", "kms-pkcs11.conf:1: cache_ttl must be an integer from 0 to 86400, not a decimal number"),
        ("retry_timeout_millis = 0", "kms-pkcs11.conf:1: retry_timeout_millis must be an integer from 1 to 3600000"),
        ("session_keys = \"here\"", "kms-pkcs11.conf:1: session_keys: it must be \"kms\" or \"local\""),
        ("api_key = 5", "kms-pkcs11.conf:1: api_key must be a string"),
        ("endpoints = \"a\"", "kms-pkcs11.conf:1: endpoints must be an array of strings, not a string"),
        ("endpoints = [1]", "kms-pkcs11.conf:1: endpoints must be an array of strings"),
        ("log = 1", "kms-pkcs11.conf:1: log must be a table"),
        ("log = { level = \"loud\" }", "kms-pkcs11.conf:1: level: unknown level; use off, error, warn, info or debug"),
        ("slot = 1", "kms-pkcs11.conf:1: slot must be written as [[slot]]"),
        ("[slot]\nlabel = 'x'", "kms-pkcs11.conf:1: slot must be written as [[slot]]"),
        ("[[slot]]\n[[slot]]", "kms-pkcs11.conf:2: two slots have the label \"Fortanix Token\""),
        ("label = ''", "kms-pkcs11.conf:1: label: it must have 1 to 32 bytes"),
        ("label = '123456789012345678901234567890123'", "kms-pkcs11.conf:1: label: it must have 1 to 32 bytes"),
        ("backend = 'hsm'", "kms-pkcs11.conf:1: backend: unknown backend \"hsm\"; known: fortanix"),
        ("app_id = 'me'", "kms-pkcs11.conf:1: app_id: it must be the app's UUID"),
        ("app_id = '0f9d3fbc-4a5c-4b7b-9f0e-2f6f7f1d3c11'", "kms-pkcs11.conf:1: app_id: it needs cert_file"),
        ("api_endpoint = 'a'\nendpoints = ['b']", "kms-pkcs11.conf:2: api_endpoint and endpoints exclude each other"),
        ("api_endpoint = \"http://a.example.com\"", "kms-pkcs11.conf:1: api_endpoint: http:// would show credentials"),
        ("ca_certs_file = \"missing.pem\"", "kms-pkcs11.conf:1: ca_certs_file: cannot read missing.pem: No such file"),
        ("ca_certs_file = \"/\"", "kms-pkcs11.conf:1: ca_certs_file: cannot read /: is a directory"),
        ("ca_certs_file = \"kms-pkcs11.conf\"", "kms-pkcs11.conf:1: ca_certs_file: kms-pkcs11.conf holds no PEM block"),
        ("cert_file = \"own.pem\"", "kms-pkcs11.conf:1: cert_file: it needs key_file"),
        ("key_file = \"own.key\"", "kms-pkcs11.conf:1: key_file: it needs cert_file"),
        ("api_key = \"env:\"", "kms-pkcs11.conf:1: api_key: env: without a name"),
        ("api_key = \"env:NOT_SET\"", "kms-pkcs11.conf:1: api_key: environment variable NOT_SET is not set"),
        ("api_key = \"file:key\"", "kms-pkcs11.conf:1: api_key: file: needs an absolute path"),
        ("api_key = \"file:/no/key\"", "kms-pkcs11.conf:1: api_key: cannot read credential file /no/key: No such file"),
        ("cache_ttl = 1\ncache_ttl = 2", "kms-pkcs11.conf:2: "),
        ("cache_ttl = 1\n[log\nlevel = 1", "kms-pkcs11.conf:2: "),
        ("label = 'a\0b'", "kms-pkcs11.conf:1: a NUL byte"),
    ])
    func refusedWithLineAndRemedy(text: String, expected: String) throws {
        let message = try ConfigurationFolder().failure(text)
        #expect(message.hasPrefix(expected), "\(message)")
    }

    @Test func linesBehindMultilineValues() throws {
        let text = """
            label = \"\"\"
            a # [no] "comment" \\
            b = 1\"\"\"   # comment with "quotes" and [brackets]
            endpoints = [ # one per line
              "https://a.example.com", 'b"]',
            ]
            app_id = 7
            """
        #expect(try ConfigurationFolder().failure(text).hasPrefix("kms-pkcs11.conf:7: app_id must be a string"))
    }

    @Test func syntaxErrorsDoNotQuoteTheFile() throws {
        for text in ["api_key = falsesecret", "api_key = NjYsecret==", "secretsecret==", "api_key = \"x\" secret"] {
            let message = try ConfigurationFolder().failure(text)
            #expect(message.hasPrefix("kms-pkcs11.conf:1: "))
            #expect(!message.contains("secret") && !message.contains("fals"), "\(message)")
        }
    }

    @Test func notUTF8IsRefused() throws {
        let folder = try ConfigurationFolder()
        try Data([0x61, 0xFF, 0x0A]).write(to: URL(fileURLWithPath: folder.path + "/latin1"))
        #expect(throws: ConfigurationError.self) {
            try Configuration.load { $0 == "KMS_PKCS11_CONF" ? folder.path + "/latin1" : nil }
        }
    }

    @Test func aNamedFileMustExist() throws {
        do {
            _ = try Configuration.load { $0 == "KMS_PKCS11_CONF" ? "/no/such/file.conf" : nil }
            Issue.record("a missing file was accepted")
        } catch let error {
            #expect(
                error.description.hasPrefix("/no/such/file.conf: cannot read the configuration file: No such file"))
        }
    }

    @Test func variablesAreChecked() throws {
        let folder = try ConfigurationFolder()
        #expect(try folder.failure("", ["KMS_PKCS11_LOG": "loud"]).hasPrefix("KMS_PKCS11_LOG: unknown level"))
        #expect(
            try folder.failure("", ["FORTANIX_API_ENDPOINT": "http://x"]).hasPrefix("FORTANIX_API_ENDPOINT: http://"))
        let message = try folder.failure("", ["FORTANIX_API_ENDPOINT": "https://user:secret@host"])
        #expect(message.hasPrefix("FORTANIX_API_ENDPOINT: a user name") && !message.contains("secret"))
    }

    /// The sample that is installed is valid as it is, and every example in it is when it is switched on.
    @Test func theSampleFile() throws {
        let sample = try installed("kms-pkcs11.conf")
        let folder = try ConfigurationFolder()
        #expect(try folder.load(sample).slots.count == 1)

        try folder.write(certificate, to: "ca.pem")
        try FileManager.default.createDirectory(atPath: folder.path + "/ca.d", withIntermediateDirectories: false)
        try folder.write(certificate, to: "ca.d/one.pem")
        try folder.write(certificate, to: "client.pem")
        try folder.write(privateKey, to: "client.key")
        try folder.write("key", to: "api-key")
        let text = sample.replacingOccurrences(of: "/etc/kms-pkcs11/", with: folder.path + "/")
            .replacingOccurrences(
                of: "#-----BEGIN CERTIFICATE-----\n#...\n#-----END CERTIFICATE-----\n", with: certificate)
        let examples = text.components(separatedBy: "\n").filter { !$0.hasPrefix("# ") && $0 != "#" }
            .map { $0.hasPrefix("#") ? String($0.dropFirst()) : $0 }
        let configuration = try folder.load(examples.joined(separator: "\n"), ["MAIL_API_KEY": "mail"])
        #expect(configuration.slots.map(\.label) == ["Web", "Mail"])
        #expect(configuration.slots[0].endpoints.count == 2)
        #expect(configuration.slots[1].apiKey?.equals(Secret("mail")) == true)
        for name in ConfigurationKeys.slot.map(\.name) + ConfigurationKeys.log.map(\.name) {
            #expect(examples.contains { $0.hasPrefix(name + " = ") }, "\(name) is not in the sample")
        }
        for name in ConfigurationKeys.logFile.map(\.name) {
            #expect(examples.contains { $0.contains(" \(name) = ") }, "\(name) is not in the sample")
        }
    }

    /// kms-pkcs11.conf(5) has every key that the reader knows, with its type, unit and default, and no other.
    @Test func theManualPage() throws {
        var described: [String: String] = [:]
        var entries = try installed("man/kms-pkcs11.conf.5").components(separatedBy: "\n.TP\n.B ")
        entries.removeFirst()
        for entry in entries {
            let lines = entry.components(separatedBy: "\n")
            // Variables have upper-case names.
            guard lines[0] == lines[0].lowercased() else { continue }
            described[lines[0]] = lines.dropFirst().joined(separator: " ")
        }
        var known: [String: (type: String, unit: String?, standard: String)] = [:]
        for key in ConfigurationKeys.slot { known[key.name] = (key.type, key.unit, key.standard) }
        for key in ConfigurationKeys.log { known[key.name] = (key.type, key.unit, key.standard) }
        for key in ConfigurationKeys.logFile { known["file." + key.name] = (key.type, key.unit, key.standard) }
        #expect(Set(described.keys) == Set(known.keys))
        let words = [
            "a string": "String", "true or false": "Boolean", "an array of strings": "Array of strings",
            "a string or a table": "String or table",
        ]
        for (name, key) in known {
            let text = described[name] ?? ""
            let type = words[key.type] ?? "Integer" + key.type.dropFirst("an integer".count)
            #expect(text.hasPrefix(type), "\(name): \(text)")
            #expect(text.contains("default " + key.standard), "\(name): \(text)")
            if let unit = key.unit { #expect(text.contains("in \(unit),"), "\(name): \(text)") }
        }
        let page = try installed("man/kms-pkcs11.conf.5")
        for key in ConfigurationKeys.vendor { #expect(page.contains(".BR \(key.name) "), "\(key.name)") }
    }

    private func installed(_ name: String) throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOfFile: root.appendingPathComponent("pkcs11-conf/" + name).path, encoding: .utf8)
    }

    @Test func warnings() throws {
        let configuration = try ConfigurationFolder().load("h2_num_connections = 4\nexact_key_ops = true")
        #expect(configuration.warnings.count == 2)
        #expect(configuration.warnings[0].contains(":1: h2_num_connections has no effect"))
    }
}

@Suite struct EndpointURLTests {
    @Test(arguments: [
        ("kms.example.com", "https://kms.example.com", "kms.example.com", 443, ""),
        ("HTTPS://kms.example.com:8443/", "https://kms.example.com:8443", "kms.example.com", 8443, ""),
        ("https://127.0.0.1:1/a/b//", "https://127.0.0.1:1/a/b", "127.0.0.1", 1, "/a/b"),
        ("https://[::1]:9443/x", "https://[::1]:9443/x", "::1", 9443, "/x"),
        ("[fe80::1]", "https://[fe80::1]", "fe80::1", 443, ""),
    ])
    func accepted(address: String, text: String, host: String, port: Int, path: String) throws {
        let url = try EndpointURL(address)
        #expect(url.text == text && url.host == host && url.port == port && url.path == path)
    }

    @Test(arguments: [
        "", "https://", "ftp://host", "http://host", "HTTP://host", "https://host:0", "https://host:65536",
        "https://host:+1", "https://host:", "https://host:a", "https://a b", "https://host?x=1", "https://host#x",
        "https://u@host", "https://[::1", "https://[::1]x", "https://ho$t", "host\r\nX: y", "https://hóst",
    ])
    func refused(address: String) {
        #expect(throws: EndpointURL.Failure.self) { try EndpointURL(address) }
    }

    /// Only for who asks for it, and only to this machine.
    @Test(arguments: [
        ("http://127.0.0.1:8443", "http://127.0.0.1:8443", 8443), ("HTTP://localhost", "http://localhost", 80),
        ("http://[::1]/api", "http://[::1]/api", 80), ("127.0.0.1", "https://127.0.0.1", 443),
    ])
    func loopbackHTTP(address: String, text: String, port: Int) throws {
        let url = try EndpointURL(address, allowsLoopbackHTTP: true)
        #expect(url.text == text && url.port == port && url.isPlain == text.hasPrefix("http:"))
    }

    @Test(arguments: [
        "http://192.0.2.1", "http://127.0.0.1.example.com", "http://localhost.example.com", "http://[::2]",
        "http://127.1", "http://127.0.0.256", "http://1270.0.1", "ftp://127.0.0.1",
    ])
    func otherHTTPIsRefused(address: String) {
        #expect(throws: EndpointURL.Failure.self) { try EndpointURL(address, allowsLoopbackHTTP: true) }
    }
}

@Suite struct CredentialSourceTests {
    private let canary = "ZmFrZTpjYW5hcnktc2VjcmV0LTQyCg=="

    private func resolve(_ text: String, _ variables: [String: String] = [:]) throws -> Secret {
        try CredentialSource.resolve(text) { variables[$0] }
    }

    @Test func theThreeForms() throws {
        let folder = try ConfigurationFolder()
        let bare = try folder.write(canary + "\r\n", to: "bare")
        let table = try folder.write("# our key\napi_key=\"\(canary)\"\ncache_ttl = 1\n", to: "table")
        let chained = try folder.write("api_key = 'file:\(bare)'", to: "chained")
        let variable = try folder.write("api_key = 'env:CANARY'", to: "variable")
        let forms = [
            canary, canary + "\n", "file:\(bare)", "file://\(bare)", "file:\(table)", "file:\(chained)",
            "file:\(variable)", "env:CANARY",
        ]
        for form in forms {
            #expect(try resolve(form, ["CANARY": canary + "\n"]).equals(Secret(canary)), "\(form)")
        }
    }

    @Test func failuresNameTheSourceAndNothingElse() throws {
        let folder = try ConfigurationFolder()
        let chained = try folder.write("api_key = 'file:\(folder.path)/chained'", to: "chained")
        let cases: [(String, String)] = [
            ("", "the credential is empty"),
            ("\n", "the credential is empty"),
            (canary + "\r\nHost: x", "the credential contains control characters"),
            ("env:EMPTY", "environment variable EMPTY is empty"),
            ("env:UNSET", "environment variable UNSET is not set"),
            ("file:", "file: needs an absolute path"),
            ("file://host/path", "file: needs an absolute path"),
            ("file:\(folder.path)", "cannot read credential file \(folder.path): is a directory"),
            ("file:/dev/zero", "cannot read credential file /dev/zero: is not a regular file"),
            ("file:\(try folder.write("\n", to: "empty"))", "credential file \(folder.path)/empty is empty"),
            (
                "file:\(try folder.write("a b \(canary)", to: "words"))",
                "credential file \(folder.path)/words holds neither one line"
            ),
            (
                "file:\(try folder.write("# \(canary)\ncache_ttl = 1", to: "keyless"))",
                "credential file \(folder.path)/keyless has no api_key"
            ),
            ("file:\(chained)", "a credential's file names another file"),
        ]
        for (text, expected) in cases {
            do {
                _ = try resolve(text, ["EMPTY": ""])
                Issue.record("accepted: \(text)")
            } catch let error as CredentialError {
                #expect(error.description.hasPrefix(expected), "\(error)")
                #expect(!error.description.contains(canary))
            }
        }
    }
}

import Cryptoki
import Foundation
import KMSSupport
import KMSTransport
import Testing

/// What the configuration says about TLS, proxies and the log; who may read its files; where values come from.
@Suite struct ConfigurationTrustTests {
    private let pin = "sha256//YhKJKSzoTt2b5FP18fvpHo7fJYqQCjAa3HWY3tvRMwE="

    private func folder() throws -> ConfigurationFolder {
        let folder = try ConfigurationFolder()
        try folder.write(TestIdentity.certificate, to: "own.pem")
        try folder.write(TestIdentity.privateKey, to: "own.key")
        try folder.write(TestIdentity.otherKey, to: "other.key")
        try folder.write(TestIdentity.encryptedKey, to: "encrypted.key")
        try folder.write(TestIdentity.traditionallyEncryptedKey, to: "traditional.key")
        try folder.write(TestIdentity.privateKey, to: "open.key", mode: 0o644)
        try folder.write("-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n", to: "broken.pem")
        try FileManager.default.createDirectory(atPath: folder.path + "/ca.d", withIntermediateDirectories: false)
        try FileManager.default.createDirectory(atPath: folder.path + "/empty.d", withIntermediateDirectories: false)
        try folder.write(TestIdentity.certificate, to: "ca.d/1234abcd.0")
        try folder.write("no certificate", to: "ca.d/note.pem")
        try folder.write(TestIdentity.certificate, to: "ca.d/ignored.txt")
        return folder
    }

    @Test func everyKeyAboutTLS() throws {
        let configuration = try folder().load(
            """
            ca_certs_file = "own.pem"
            ca_certs_dir = "ca.d"
            ca_certs = \"\"\"
            \(TestIdentity.certificate)\"\"\"
            ca_certs_system = true
            pinned_public_keys = ["\(pin)", "\(pin.dropFirst(8))"]
            min_tls_version = "1.3"
            tls_server_name = "kms.example.com"
            cert_file = "own.pem"
            key_file = "own.key"
            """)
        let tls = configuration.slots[0].tls
        let text = String(decoding: tls.authorities ?? [], as: UTF8.self)
        #expect(text.components(separatedBy: "-----BEGIN CERTIFICATE-----").count == 4)
        #expect(tls.addsSystemAuthorities && tls.needsSystemAuthorities)
        #expect(tls.pins == [pin, pin])
        #expect(tls.minimumVersion == .tls13 && tls.serverName == "kms.example.com")
        #expect(tls.clientCertificate != nil && tls.clientKey != nil)
    }

    @Test(arguments: [
        ("ca_certs_file = 'broken.pem'", "ca_certs_file: the CA certificates cannot be used: certificate 1"),
        ("ca_certs = 'x'", "ca_certs: it holds no PEM certificate"),
        ("ca_certs_dir = 'nowhere'", "ca_certs_dir: cannot read the folder nowhere: No such file"),
        ("ca_certs_dir = 'empty.d'", "ca_certs_dir: empty.d has no readable certificate"),
        ("ca_certs_system = 1", "ca_certs_system must be true or false, not an integer"),
        ("pinned_public_keys = ['sha1//AAAA']", "pinned_public_keys: \"sha1//AAAA\" is no pin; write sha256//BASE64"),
        ("min_tls_version = '1.1'", "min_tls_version: it must be \"1.2\" or \"1.3\""),
        ("tls_server_name = 'https://x'", "tls_server_name: it must be a host name"),
        ("tls_server_name = 'x:1'", "tls_server_name: it must be a host name"),
        ("cert_file = 'own.pem'\nkey_file = 'other.key'", "key_file: it is not the key of the certificate"),
        ("cert_file = 'own.pem'\nkey_file = 'encrypted.key'", "key_file: encrypted.key needs a passphrase"),
        ("cert_file = 'own.pem'\nkey_file = 'traditional.key'", "key_file: traditional.key needs a passphrase"),
        ("cert_file = 'own.pem'\nkey_file = 'open.key'", "key_file: every user of this machine can read open.key"),
        ("cert_file = 'broken.pem'\nkey_file = 'own.key'", "cert_file: its first certificate cannot be read"),
        ("proxy = 'ftp://x'", "proxy: the scheme must be one of http, https"),
        ("proxy = 'http://'", "proxy: the host is missing"),
        ("proxy = 'http://u:canary@h:0'", "proxy: the port must be a number"),
        ("proxy = 'http://h/path'", "proxy: a proxy has no path"),
        ("no_proxy = ['a,b']", "no_proxy: each host is a string of its own"),
        ("endpoints = ['a', 'https://a']", "endpoints: an endpoint is named twice"),
        ("[log]\nfile = 'log'", "file: it must be the absolute path of a file"),
        ("[log]\nfile = { file_size_kb = 1 }", "file needs path"),
        ("[log.file]\npath = '/x'\nsize = 1", "unknown key \"size\" in [log.file]; known keys: path, file_size_kb"),
        ("[log.file]\npath = '/x'\nmax_files = -1", "max_files must be an integer from 0 to 1000, not -1"),
        ("[log]\ncounters_dir = 'x'", "counters_dir: it must be the absolute path of a folder"),
        ("[log]\nsystem_socket = 'x'", "system_socket: it must be an absolute path"),
    ])
    func refusedWithLineAndRemedy(text: String, expected: String) throws {
        let message = try folder().failure(text)
        let line = text.contains("key_file: ") || expected.hasPrefix("key_file") ? 2 : nil
        #expect(message.contains(": " + expected), "\(message)")
        #expect(message.hasPrefix("kms-pkcs11.conf:\(line.map(String.init) ?? "")"), "\(message)")
        #expect(!message.contains("canary"))
    }

    @Test func theLog() throws {
        let log = try folder().load(
            """
            [log]
            level = "debug"
            system = true
            system_socket = "/run/log"
            slow_call_millis = 7
            counters_dir = "/run/counters"
            counters_interval = 5
            [log.file]
            max_files = 2
            file_size_kb = 3
            path = "/var/log/x"
            """
        ).log
        #expect(log.level == .debug && log.usesSystemLog && log.systemLogSocket == "/run/log")
        #expect(log.file?.path == "/var/log/x" && log.file?.rotationBytes == 3_072 && log.file?.keptFiles == 2)
        #expect(log.slowMilliseconds == 7 && log.countersDirectory == "/run/counters" && log.countersSeconds == 5)
        #expect(!log.writesStandardError)
        #expect(try folder().load("[log]\nfile = '/x'\nstderr = true").log.writesStandardError)
        #expect(try folder().load("").log.writesStandardError)
    }

    // MARK: - Who may read

    @Test(arguments: [
        ("api_key = 'canary'", "api_key: every user of this machine can read the API key; chmod o-rwx the file"),
        ("proxy = 'http://u:canary@h'", "proxy: every user of this machine can read the proxy's password"),
    ])
    func secretsInAFileForEverybodyAreRefused(text: String, expected: String) throws {
        let folder = try folder()
        let path = try folder.write("\n" + text, mode: 0o644)
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration.load { $0 == "KMS_PKCS11_CONF" ? path : nil }
        }
        #expect(error?.description.hasPrefix("\(path):2: \(expected)") == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("canary") == false && error?.kind == .permission)
        // Group and owner may.
        try folder.write("\n" + text, mode: 0o640)
        #expect(throws: Never.self) { try Configuration.load { $0 == "KMS_PKCS11_CONF" ? path : nil } }
    }

    @Test func withoutSecretsEverybodyMayReadAndNobodyElseWrite() throws {
        let folder = try folder()
        let path = try folder.write("api_key = 'env:KEY'\nproxy = 'http://h'", mode: 0o644)
        let variables = ["KMS_PKCS11_CONF": path, "KEY": "key"]
        #expect(throws: Never.self) { try Configuration.load { variables[$0] } }
        try folder.write("", mode: 0o646)
        let error = #expect(throws: ConfigurationError.self) { try Configuration.load { variables[$0] } }
        #expect(error?.description.contains("can change the configuration file; chmod o-w") == true)
        #expect(error?.kind == .permission)
    }

    @Test func aCredentialFileForEverybodyIsRefused() throws {
        let folder = try folder()
        let key = try folder.write("canary", to: "api-key", mode: 0o644)
        let message = try folder.failure("api_key = 'file:\(key)'")
        #expect(message.hasPrefix("kms-pkcs11.conf:1: api_key: every user of this machine can read"), "\(message)")
        #expect(message.hasSuffix("chmod 600 it") && !message.contains("canary"))
    }

    // MARK: - Where values come from

    private func value(_ configuration: Configuration, _ slot: String?, _ key: String) -> String {
        let value = configuration.values.first { $0.slot == slot && $0.key == key }
        return value.map { "\($0.text) from \($0.origin)" } ?? "none"
    }

    @Test func everyValueTellsWhereItIsFrom() throws {
        let folder = try folder()
        let configuration = try folder.load(
            """
            cache_ttl = 9
            api_key = "canary"
            [[slot]]
            label = "one"
            endpoints = ["a.example.com"]
            [[slot]]
            label = "two"
            cache_ttl = 3
            proxy = "http://u:canary@proxy:1"
            api_key = "env:KEY"
            """,
            [
                "FORTANIX_API_ENDPOINT": "b.example.com", "KMS_PKCS11_LOG": "info", "KEY": "canary",
                "https_proxy": "http://u:canary@p:3128", "no_proxy": "x, y",
            ])
        let file = folder.path + "/kms-pkcs11.conf"
        #expect(value(configuration, "one", "cache_ttl") == "9 from \(file):1")
        #expect(value(configuration, "two", "cache_ttl") == "3 from \(file):8")
        #expect(value(configuration, "one", "api_endpoint") == "\"b.example.com\" from FORTANIX_API_ENDPOINT")
        #expect(value(configuration, "one", "endpoints") == "none from default")
        #expect(value(configuration, "one", "api_key") == "(hidden) from \(file):2")
        #expect(value(configuration, "two", "api_key") == "\"env:KEY\" from \(file):10")
        #expect(value(configuration, "one", "proxy") == "\"http://p:3128\" from https_proxy")
        #expect(value(configuration, "two", "proxy") == "\"http://proxy:1\" from \(file):9")
        #expect(value(configuration, "two", "no_proxy") == "[\"x\", \"y\"] from default")
        #expect(value(configuration, "one", "ca_certs_system") == "true from default")
        #expect(value(configuration, nil, "stderr") == "true from default")
        #expect(value(configuration, "two", "label") == "\"two\" from \(file):7")
        #expect(value(configuration, nil, "level") == "\"info\" from KMS_PKCS11_LOG")
        #expect(!configuration.values.contains { $0.text.contains("canary") })
        #expect(configuration.slots[0].proxy.origin == "https_proxy")
        #expect(configuration.slots[1].proxy.origin == "\(file):9")
    }

    @Test func aSlotThatNamesOneOfAGroupInheritsNoneOfIt() throws {
        let configuration = try folder().load(
            """
            api_endpoint = "a.example.com"
            ca_certs_file = "own.pem"
            ca_certs_system = true
            [[slot]]
            label = "one"
            [[slot]]
            label = "two"
            endpoints = ["b.example.com", "c.example.com"]
            ca_certs_dir = "ca.d"
            """)
        #expect(configuration.slots[0].endpoints == ["https://a.example.com"])
        #expect(configuration.slots[0].tls.addsSystemAuthorities)
        #expect(configuration.slots[1].endpoints.count == 2)
        #expect(!configuration.slots[1].tls.addsSystemAuthorities && configuration.slots[1].tls.authorities != nil)
    }

    @Test func noProxyWhateverTheEnvironmentSays() throws {
        for text in ["none", ""] {
            let configuration = try folder().load("proxy = '\(text)'", ["HTTPS_PROXY": "http://p:1"])
            #expect(configuration.slots[0].proxy.address == nil)
        }
    }
}

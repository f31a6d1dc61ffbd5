import FoundationEssentials
import KMSServer
import Testing

@Suite("Settings of kmsd serve")
struct SettingsTests {
    private static func load(
        _ file: String? = nil, flags: [String: String] = [:], environment: [String: String] = [:]
    ) throws -> Settings {
        let path = FileManager.default.temporaryDirectory.path + "/kmsd-" + newID() + ".conf"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data((file ?? "").utf8).write(to: URL(filePath: path))
        return try Settings.load(
            flags: flags.reduce(into: [:]) { $0[$1.key] = ($1.value, "--" + $1.key) }, file: path,
            environment: environment)
    }

    private static func complaint(_ file: String, environment: [String: String] = [:]) -> String {
        do {
            _ = try load(file, environment: environment)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("flags come before the environment, that before the file, that before the defaults")
    func layers() throws {
        let file = "listen = \"127.0.0.1:1\"\n[limits]\nrequests = 7\nidle_seconds = 8\n[log]\nlevel = \"error\"\n"
        let environment = ["KMSD_LIMITS_IDLE_SECONDS": "9", "KMSD_LISTEN": "127.0.0.1:2, [::1]:3", "KMSD_DATA": ""]
        let settings = try SettingsTests.load(file, flags: ["log.level": "DEBUG"], environment: environment)
        #expect(settings.limits.requests == 7)
        #expect(settings.limits.idleSeconds == 9)
        #expect(settings.limits.bodyBytes == 1_048_576)
        #expect(settings.listen == [try ListenAddress("127.0.0.1:2"), try ListenAddress("[::1]:3")])
        #expect(settings.logLevel == .debug)
        #expect(settings.data == nil)
        let row = try #require(settings.rows.first { $0.name == "limits.idle_seconds" })
        #expect(row.value == "9" && row.origin == "KMSD_LIMITS_IDLE_SECONDS")
    }

    @Test("paths are beside the file")
    func paths() throws {
        let settings = try SettingsTests.load("data = \"data\"\n[tls]\ncertificate = \"/c.pem\"\nkey = \"k.pem\"\n")
        #expect(settings.data == FileManager.default.temporaryDirectory.path + "/data")
        #expect(settings.tls?.certificate == "/c.pem")
        #expect(settings.tls?.key.hasSuffix("/k.pem") == true && settings.tls?.key.hasPrefix("/") == true)
    }

    @Test(
        "what is wrong is named with its line",
        arguments: [
            ("a = 1\n", ":1: unknown key \"a\" in the configuration file; known keys: data, listen, tls, log,"),
            ("[limits]\n\nrequest = 1\n", ":3: unknown key \"request\" in [limits]; known keys: body_bytes,"),
            ("[limits]\nrequests = 0\n", ":2: limits.requests must be an integer from 1 to 1000000"),
            ("[limits]\nrequests = \"1\"\n", ":2: limits.requests must be an integer from 1 to 1000000, not a string"),
            ("limits = 1\n", ":1: unknown key \"limits\""),
            ("listen = \"nowhere\"\n", ":1: \"nowhere\" names no port"),
            ("listen = []\n", ":1: listen must be HOST:PORT"),
            ("data = \"\"\n", ":1: data must be a string"),
            ("[log]\nlevel = \"loud\"\n", ":2: log.level must be one of trace"),
            ("[tls]\nkey = \"x\"\n", ":2: tls.certificate and tls.key belong together"),
            ("[metrics]\nlisten = \"0.0.0.0:9464\"\n", ":2: metrics.listen must be 127.0.0.1:PORT"),
            ("[metrics]\nlisten = \"10.1.2.3:9464\"\n", ":2: metrics.listen must be 127.0.0.1:PORT"),
            ("listen = \n", ":1: "), ("[limits\n", ":1: "), ("\u{0}", "NUL"),
        ])
    func mistakes(file: String, complaint: String) {
        #expect(SettingsTests.complaint(file).contains(complaint))
    }

    @Test("a variable is checked, also when a flag overrides it")
    func variable() {
        #expect(
            SettingsTests.complaint("", environment: ["KMSD_LIMITS_REQUESTS": "many"])
                == "KMSD_LIMITS_REQUESTS: limits.requests must be an integer from 1 to 1000000")
        #expect(SettingsTests.complaint("", environment: ["KMSD_AUDIT_FLUSH": "perhaps"]).contains("true or false"))
        #expect(throws: SettingError.self) {
            _ = try SettingsTests.load(flags: ["audit.flush": "true"], environment: ["KMSD_AUDIT_FLUSH": "perhaps"])
        }
    }

    @Test("a file that cannot be read is an error, and so is an unknown flag")
    func unreadable() {
        #expect(throws: SettingError.self) {
            _ = try Settings.load(flags: [:], file: "/nowhere/kmsd.conf", environment: [:])
        }
        #expect(throws: SettingError.self) { try Settings.check(flags: ["limits.nothing": ("1", "--set")]) }
    }
}

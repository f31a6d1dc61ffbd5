import ArgumentParser
import FoundationEssentials
import KMSServer
import Logging

struct Serve: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            abstract: "Serve a data directory over HTTPS until SIGTERM or SIGINT.",
            discussion: "Flags come before KMSD_… variables, these before the configuration file; see kmsd(8).")
    }

    @Option(help: "Configuration file; else KMSD_CONFIG, else /etc/kmsd/kmsd.conf if that is there.")
    var config: String?

    @Flag(help: "Check the settings, print them with their origin, and end; nothing is opened.")
    var check = false

    @Option(help: "Directory made by kmsd init.")
    var data: String?

    @Option(help: "HOST:PORT to listen on, default 127.0.0.1:8443; may be repeated. Port 0 picks a free one.")
    var listen: [String] = []

    @Option(help: "PEM file with another server certificate (and its chain) than the data directory's.")
    var tlsCertificate: String?

    @Option(help: "PEM file with the key of --tls-certificate.")
    var tlsKey: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical; on standard error. Default: info.")
    var logLevel: String?

    @Option(help: "text or json. Default: text.")
    var logFormat: String?

    @Flag(help: "Flush each audit record to disk before its answer; slower, and survives a power cut too.")
    var flushAudit = false

    @Option(help: "127.0.0.1:PORT to serve /metrics on over plain HTTP, without login.")
    var metricsListen: String?

    @Option(help: ArgumentHelp("Any setting of the configuration file; may be repeated.", valueName: "name=value"))
    var set: [String] = []

    @OptionGroup var masterKey: MasterKeyOptions

    func validate() throws {
        for text in set where !text.contains("=") {
            throw ValidationError("--set takes NAME=VALUE, for example limits.requests=100, not \"\(text)\"")
        }
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key belong together")
        }
        do {
            try Settings.check(flags: flags)
        } catch {
            throw ValidationError(error.description)
        }
    }

    func run() async throws {
        // Takes secrets out of the environment, so it comes first.
        let source = masterKey.source()
        let environment = ProcessInfo.processInfo.environment
        let settings = try settings(environment)
        guard !check else { return show(settings) }
        guard let data = settings.data else {
            throw ValidationError("no data directory is named: use --data, KMSD_DATA or data in the configuration file")
        }
        MemoryArenas.limit()
        let level = LogLevel(settings.logLevel)
        LoggingSystem.bootstrap { label in LineLog(label: label, format: settings.logFormat, level: level) }
        var server = Server(directory: DataDirectory(data), settings: settings, logger: Logger(label: "kmsd"))
        server.masterKey = source
        server.manager = ServiceManager(environment: environment)
        server.onReload = { [logger = server.logger] in
            do {
                level.value = try self.settings(environment).logLevel
            } catch {
                logger.error("the log level stays as it is", metadata: ["reason": "\(error)"])
            }
        }
        try await server.run { addresses in
            for address in addresses { Output.line("kmsd: listening on https://\(address)") }
        }
    }

    private func settings(_ environment: [String: String]) throws(SettingError) -> Settings {
        let named = environment["KMSD_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        return try Settings.load(flags: flags, file: config ?? named, environment: environment)
    }

    /// By name of the setting. A flag of its own comes before --set.
    private var flags: [String: (text: String, origin: String)] {
        var flags: [String: (text: String, origin: String)] = [:]
        for text in set {
            guard let sign = text.firstIndex(of: "=") else { continue }
            let name = String(text[..<sign])
            flags[name] = (String(text[text.index(after: sign)...]), "--set \(name)")
        }
        for (name, flag, value) in [
            ("data", "--data", data), ("listen", "--listen", listen.isEmpty ? nil : listen.joined(separator: ",")),
            ("tls.certificate", "--tls-certificate", tlsCertificate), ("tls.key", "--tls-key", tlsKey),
            ("log.level", "--log-level", logLevel), ("log.format", "--log-format", logFormat),
            ("audit.flush", "--flush-audit", flushAudit ? "true" : nil),
            ("metrics.listen", "--metrics-listen", metricsListen),
        ] {
            if let value { flags[name] = (value, flag) }
        }
        return flags
    }

    /// As TOML, so that it can become a configuration file.
    private func show(_ settings: Settings) {
        for row in settings.rows {
            Output.line(row.value.map { "\(row.name) = \($0)  # \(row.origin)" } ?? "# \(row.name) is not set")
        }
    }
}

import ArgumentParser
import KMSServer
import Logging

struct Serve: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(abstract: "Serve a data directory over HTTPS until SIGTERM or SIGINT.")
    }

    @Option(help: "Directory made by kmsd init.")
    var data: String

    @Option(help: "HOST:PORT to listen on; port 0 picks a free one.")
    var listen = "127.0.0.1:8443"

    @Option(help: "PEM file with another server certificate (and its chain) than the data directory's.")
    var tlsCertificate: String?

    @Option(help: "PEM file with the key of --tls-certificate.")
    var tlsKey: String?

    @Option(help: "trace, debug, info, notice, warning or error; on standard error.")
    var logLevel = "info"

    @Flag(help: "Flush each audit record to disk before its answer; slower, and survives a power cut too.")
    var flushAudit = false

    func validate() throws {
        _ = try endpoint()
        guard Logger.Level(rawValue: logLevel.lowercased()) != nil else {
            throw ValidationError("--log-level takes trace, debug, info, notice, warning or error")
        }
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key belong together")
        }
    }

    func run() async throws {
        let (host, port) = try endpoint()
        FileLimit.raise()
        MemoryArenas.limit()
        LoggingSystem.bootstrap { label in StreamLogHandler.standardError(label: label) }
        var logger = Logger(label: "kmsd")
        logger.logLevel = Logger.Level(rawValue: logLevel.lowercased()) ?? .info
        var server = Server(directory: DataDirectory(data), host: host, port: port, logger: logger)
        server.flushAudit = flushAudit ? .each : .soon
        if let tlsCertificate, let tlsKey { server.certificateFiles = (tlsCertificate, tlsKey) }
        let shown = host.contains(":") ? "[\(host)]" : host
        try await server.run { port in Output.line("kmsd: listening on https://\(shown):\(port)") }
    }

    /// IPv6 addresses stand in brackets.
    private func endpoint() throws -> (host: String, port: Int) {
        let example = "--listen takes HOST:PORT, for example 127.0.0.1:8443 or [::1]:8443"
        guard let colon = listen.lastIndex(of: ":") else {
            throw ValidationError("\"\(listen)\" names no port; \(example)")
        }
        guard let port = Int(listen[listen.index(after: colon)...]), (0...65_535).contains(port) else {
            throw ValidationError("the port in \"\(listen)\" is not a number from 0 to 65535; \(example)")
        }
        var host = listen[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw ValidationError("the IPv6 address in \"\(listen)\" needs brackets; \(example)")
        }
        guard !host.isEmpty, !host.contains(where: \.isWhitespace) else {
            throw ValidationError("\"\(listen)\" names no host; \(example), or 0.0.0.0 for all addresses")
        }
        return (String(host), port)
    }
}

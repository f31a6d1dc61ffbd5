internal import GRDB
internal import Glibc
internal import Hummingbird
internal import HummingbirdCore
internal import HummingbirdTLS
package import Logging
internal import NIOCore
internal import NIOSSL
internal import ServiceLifecycle

/// `kmsd serve`: opens a data directory and answers until it is told to stop.
package struct Server: Sendable {
    package static var version: String { "0.1.0" }

    package var directory: DataDirectory
    package var host: String
    /// 0: any free one.
    package var port: Int
    /// PEM files of another certificate than the own CA's.
    package var certificateFiles: (certificate: String, key: String)?
    package var flushAudit = AuditLog.Flush.soon
    package var logger: Logger

    package init(directory: DataDirectory, host: String, port: Int, logger: Logger) {
        self.directory = directory
        self.host = host
        self.port = port
        self.logger = logger
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Parameter onReady: called once with the port, when connections are accepted.
    package func run(onReady: @escaping @Sendable (Int) -> Void) async throws {
        try directory.checkModes()
        try directory.lock()
        let vault = try await Vault.open(directory, flushAudit: flushAudit, logger: logger)
        let application = Application(
            router: Routes.router(for: vault), server: try await httpServer(vault),
            configuration: .init(address: .hostname(host, port: port), serverName: "kmsd"),
            onServerRunning: { channel in onReady(channel.localAddress?.port ?? 0) }, logger: logger)
        var configuration = ServiceGroupConfiguration(
            services: [application], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        // A client that never finishes its request must not keep the server from stopping.
        configuration.maximumGracefulShutdownDuration = .seconds(10)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as IOError {
            throw StartError("cannot listen on \(host):\(port): \(String(cString: strerror(error.errnoCode)))")
        }
        try vault.pool.close()
    }

    private func httpServer(_ vault: Vault) async throws -> HTTPServerBuilder {
        var channel = HTTP1Channel.Configuration(idleTimeout: .seconds(300))
        channel.httpDecoder = .init(maxHeaderFieldSize: 16_384, maxHeaderListSize: 32_768, maxHeaderFieldCount: 100)
        return try .tls(.http1(configuration: channel), tlsConfiguration: try await tlsConfiguration(vault))
    }

    private func tlsConfiguration(_ vault: Vault) async throws -> TLSConfiguration {
        var configuration: TLSConfiguration
        if let files = certificateFiles {
            do {
                let chain = try NIOSSLCertificate.fromPEMFile(files.certificate)
                let key = try NIOSSLPrivateKey(file: files.key, format: .pem)
                configuration = .makeServerConfiguration(
                    certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
                // Only a context notices a key that does not belong to the certificate.
                _ = try NIOSSLContext(configuration: configuration)
            } catch {
                throw StartError(
                    "cannot use the certificate \(files.certificate) with the key \(files.key): \(error)")
            }
        } else {
            let identity = try await OwnCertificate(vault: vault, logger: logger).current()
            let certificate = try NIOSSLCertificate(bytes: try identity.der(), format: .der)
            let key = try NIOSSLPrivateKey(bytes: Array(identity.key.derRepresentation), format: .der)
            configuration = .makeServerConfiguration(
                certificateChain: [.certificate(certificate)], privateKey: .privateKey(key))
        }
        configuration.minimumTLSVersion = .tlsv12
        // Clients with an idle connection answer the closing alert when they look at it next; a stop does not wait.
        configuration.shutdownTimeout = .milliseconds(500)
        return configuration
    }
}

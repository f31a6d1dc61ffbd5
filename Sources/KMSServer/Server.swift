internal import GRDB
internal import Glibc
internal import Hummingbird
internal import HummingbirdCore
internal import HummingbirdTLS
internal import KMSSupport
package import Logging
internal import NIOCore
internal import NIOSSL
internal import ServiceLifecycle

/// `kmsd serve`: opens a data directory and answers until it is told to stop.
package struct Server: Sendable {
    package static var version: String { ProductVersion.text }

    package var directory: DataDirectory
    package var host: String
    /// 0: any free one.
    package var port: Int
    /// PEM files of another certificate than the own CA's.
    package var certificateFiles: (certificate: String, key: String)?
    package var flushAudit = AuditLog.Flush.soon
    package var limits = ConnectionLimits()
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
        let isReady = Locked(false)
        let application = Application(
            router: Routes.router(for: vault), server: try httpServer(try await tlsConfiguration(vault)),
            configuration: .init(address: .hostname(host, port: port), serverName: "kmsd"),
            onServerRunning: { [logger] channel in
                try? await channel.pipeline.addHandler(AcceptLog(logger: logger), position: .first).get()
                isReady.withLock { $0 = true }
                onReady(channel.localAddress?.port ?? 0)
            }, logger: logger)
        var configuration = ServiceGroupConfiguration(
            services: [application], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        // A client that never finishes its request must not keep the server from stopping.
        configuration.maximumGracefulShutdownDuration = .seconds(10)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            guard !isReady.withLock({ $0 }) else { throw error }
            throw StartError("cannot listen on \(host):\(port): \(reason(error))")
        }
        try vault.pool.close()
    }

    private func reason(_ error: any Error) -> String {
        guard let number = (error as? IOError)?.errnoCode else { return "there is no such host name or address" }
        let text = String(cString: strerror(number))
        switch number {
        case EADDRINUSE: return text + "; stop the other program, or name another port with --listen"
        case EADDRNOTAVAIL: return text + "; --listen takes an address of this machine, or 0.0.0.0 for all"
        case EACCES: return text + "; ports below 1024 need the capability CAP_NET_BIND_SERVICE"
        default: return text
        }
    }

    private func httpServer(_ configuration: TLSConfiguration) throws -> HTTPServerBuilder {
        var channel = HTTP1Channel.Configuration(
            additionalChannelHandlers: [RequestTimer(limits: limits)], idleTimeout: limits.idle)
        channel.httpDecoder = .init(maxHeaderFieldSize: 16_384, maxHeaderListSize: 32_768, maxHeaderFieldCount: 100)
        // Which app a certificate belongs to is found out at its login. One that belongs to none is no reason to refuse
        // the connection: other credentials do not need it.
        let tls = TLSChannelConfiguration(
            tlsConfiguration: configuration,
            customVerificationCallback: { _, promise in promise.succeed(.certificateVerified) })
        return try .tls(.http1(configuration: channel), configuration: tls)
    }

    private func tlsConfiguration(_ vault: Vault) async throws -> TLSConfiguration {
        var configuration: TLSConfiguration
        if let files = certificateFiles {
            configuration = try GivenCertificate(certificateFile: files.certificate, keyFile: files.key).configuration()
        } else {
            let identity = try await OwnCertificate(vault: vault, logger: logger).current()
            let certificate = try NIOSSLCertificate(bytes: try identity.der(), format: .der)
            let key = try NIOSSLPrivateKey(bytes: Array(identity.key.derRepresentation), format: .der)
            configuration = .makeServerConfiguration(
                certificateChain: [.certificate(certificate)], privateKey: .privateKey(key))
        }
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .optionalVerification
        configuration.trustRoots = .certificates([])
        // Clients with an idle connection answer the closing alert when they look at it next; a stop does not wait.
        configuration.shutdownTimeout = .milliseconds(500)
        return configuration
    }
}

internal import GRDB
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
    package var settings: Settings
    package var masterKey = MasterKeySource()
    package var logger: Logger
    package var manager = ServiceManager(environment: [:])
    /// Called on SIGHUP, beside the reading of the certificate files.
    package var onReload: @Sendable () -> Void = {}

    package init(directory: DataDirectory, settings: Settings, logger: Logger) {
        self.directory = directory
        self.settings = settings
        self.logger = logger
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Parameter onReady: called once with the addresses, when connections are accepted on all.
    package func run(onReady: @escaping @Sendable ([ListenAddress]) -> Void) async throws {
        try directory.checkModes(canBeNew: true)
        try directory.lock()
        let limits = FileLimit.fitting(settings.limits, logger: logger)
        let vault = try await Vault.open(
            directory, masterKey: masterKey, flushAudit: settings.flushAudit, limits: limits, logger: logger)
        Request.limitBodies(to: limits.bodyBytes)
        let identity = try TLSIdentity(try await tlsConfiguration(vault))
        let bound = Locked<[Int: ListenAddress]>([:])
        let begin: @Sendable (Int, ListenAddress) -> Void = { number, address in
            let all = bound.withLock { bound in
                bound[number] = address
                return bound.count == settings.listen.count + (settings.metrics.listen == nil ? 0 : 1) ? bound : nil
            }
            guard let all, vault.status.phase == .starting else { return }
            let addresses = settings.listen.indices.compactMap { all[$0] }
            started(addresses, vault)
            onReady(addresses)
        }
        let service = RunningService(
            listeners: listeners(vault, limits, identity, begin), vault: vault, stopSeconds: limits.stopSeconds,
            manager: manager, logger: logger)
        try await service.run {
            onReload()
            do {
                try identity.replace(by: try await tlsConfiguration(vault))
                logger.notice("reloaded the TLS certificate")
            } catch {
                logger.error("the TLS certificate stays as it is", metadata: ["reason": "\(error)"])
            }
        }
        await vault.audit.settleAndEmpty()
        try vault.pool.close()
    }

    private func started(_ addresses: [ListenAddress], _ vault: Vault) {
        vault.status.become(.serving)
        let places = addresses.map { "https://\($0)" }.joined(separator: " ")
        logger.notice(
            "started", metadata: ["version": "\(Server.version)", "data": "\(directory.path)", "listen": "\(places)"])
        manager.ready("Serving on \(places)")
    }

    // MARK: Listening

    /// Beside the numbers of the API's listeners.
    private static var metricsNumber: Int { -1 }

    /// Those of the API, and before them that of the metrics, which goes on while the others stop.
    private func listeners(
        _ vault: Vault, _ limits: Limits, _ identity: TLSIdentity,
        _ begin: @escaping @Sendable (Int, ListenAddress) -> Void
    ) -> [[Listener]] {
        let routes = Routes.all(for: vault, publicMetrics: settings.metrics.isPublic)
        let api = RequestGate(routes.router, vault: vault, limit: limits.requests)
        let secure = httpsServer(vault, limits, identity, quickRoutes(routes.quick, vault, limits))
        let listeners = settings.listen.enumerated().map { number, address in
            Listener(
                address: address, setting: "--listen", server: secure, gate: api,
                onRunning: { channel in
                    let gate = ConnectionGate(connections: vault.connections, logger: logger)
                    try? await channel.pipeline.addHandler(gate, position: .first).get()
                    begin(number, address.on(port: channel.localAddress?.port ?? address.port))
                }, logger: logger)
        }
        guard let address = settings.metrics.listen else { return [listeners] }
        let metrics = Listener(
            address: address, setting: "--metrics-listen",
            server: HTTPServerBuilder { http($0, vault, limits, quickRoutes([], vault, limits)) },
            // Whoever watches the server must see it also when it is busy.
            gate: RequestGate(Routes.operation(of: vault), vault: vault, limit: .max),
            onRunning: { channel in
                let bound = address.on(port: channel.localAddress?.port ?? address.port)
                logger.notice("metrics", metadata: ["listen": "http://\(bound)/metrics"])
                begin(Server.metricsNumber, bound)
            }, logger: logger)
        return [[metrics], listeners]
    }

    private func httpsServer(
        _ vault: Vault, _ limits: Limits, _ identity: TLSIdentity, _ quick: QuickRoutes
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            TLSListener(
                base: http(responder, vault, limits, quick), identity: identity,
                // Which app a certificate belongs to is found out at its login. One that belongs to none is no reason to
                // refuse the connection: other credentials do not need it.
                verification: { _, promise in promise.succeed(.certificateVerified) },
                handshakeLimit: .seconds(Int64(limits.handshakeSeconds)), metrics: vault.metrics)
        }
    }

    /// Requests that are logged one by one all go the long way, which does that.
    private func quickRoutes(_ routes: [QuickRoutes.Route], _ vault: Vault, _ limits: Limits) -> QuickRoutes {
        QuickRoutes(logger.logLevel > .debug ? routes : [], vault: vault, limit: limits.requests)
    }

    private func http(
        _ responder: @escaping HTTPChannelHandler.Responder, _ vault: Vault, _ limits: Limits, _ quick: QuickRoutes
    ) -> EarlyHandlers<HTTP1Channel> {
        var configuration = HTTP1Channel.Configuration(
            additionalChannelHandlers: [
                AnswerTimer(limit: .seconds(Int64(limits.answerSeconds))), BodyLimit(), MalformedRequest(),
            ])
        configuration.httpDecoder = .init(
            maxHeaderFieldSize: limits.headerFieldBytes, maxHeaderListSize: limits.headerBytes,
            maxHeaderFieldCount: limits.headerCount)
        return EarlyHandlers(base: HTTP1Channel(responder: responder, configuration: configuration)) {
            let timer = RequestTimer(limits: limits, connections: vault.connections)
            return [timer, QuickResponder(quick, timer)]
        }
    }

    private func tlsConfiguration(_ vault: Vault) async throws -> TLSConfiguration {
        var configuration: TLSConfiguration
        if let given = GivenCertificate(settings) {
            configuration = try given.configuration()
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

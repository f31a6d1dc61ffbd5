internal import KMSSupport
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import UnixSignals

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// The listeners from start to end, as signals want it: SIGTERM and SIGINT let the requests under way finish, a second
/// one or the deadline does not; SIGHUP reads again what may have changed.
struct RunningService: Sendable {
    /// Groups of listeners. The last stops first.
    let listeners: [[Listener]]
    let vault: Vault
    let stopSeconds: Int
    let manager: ServiceManager
    let logger: Logger

    func run(onReload: @escaping @Sendable () async -> Void) async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        let group = ServiceGroup(
            configuration: .init(services: listeners.map(Listeners.init), logger: quiet))
        let serving = Task { try await group.run() }
        async let _ = watch(signals, group, serving, onReload)
        async let _ = keepAlive()
        do {
            try await serving.value
        } catch {
            // Those that were cut off say so to their clients; it is what was asked for.
            guard vault.status.phase == .stopping else { throw error }
        }
        logger.notice("stopped")
    }

    /// The service group tells of every step at `debug`, and of a deliberate end at `error`.
    private var quiet: Logger {
        var logger = logger
        logger.logLevel = max(logger.logLevel, .critical)
        return logger
    }

    private func watch(
        _ signals: UnixSignalsSequence, _ group: ServiceGroup, _ serving: Task<Void, any Error>,
        _ onReload: @Sendable () async -> Void
    ) async {
        await withDiscardingTaskGroup { deadline in
            for await signal in signals {
                if signal == .sighup {
                    await onReload()
                } else if vault.status.phase == .stopping {
                    await end(serving, because: "\(signal) again")
                } else {
                    stop(because: "\(signal)")
                    await group.triggerGracefulShutdown()
                    deadline.addTask {
                        guard (try? await Task.sleep(for: .seconds(stopSeconds))) != nil else { return }
                        await end(serving, because: "the deadline of \(stopSeconds) s")
                    }
                }
            }
        }
    }

    private func stop(because reason: String) {
        vault.status.become(.stopping)
        let count = vault.metrics.inFlight.value
        logger.notice("stopping", metadata: ["reason": "\(reason)", "requests": "\(count)"])
        manager.stopping("Finishing \(count) requests")
    }

    /// Cuts off what is under way. What does not take notice of that, such as the making of a key, dies with the process;
    /// all that was answered is stored.
    private func end(_ serving: Task<Void, any Error>, because reason: String) async {
        logger.warning(
            "ending without the requests under way",
            metadata: ["reason": "\(reason)", "requests": "\(vault.metrics.inFlight.value)"])
        serving.cancel()
        try? await Task.sleep(for: .seconds(1))
        guard !Task.isCancelled else { return }
        logger.notice("stopped")
        _exit(0)
    }

    /// Signs of life as long as an event loop turns and the database can be asked. That it fails is no reason to be
    /// started again; that it does not answer at all is.
    private func keepAlive() async {
        guard let heartbeat = manager.heartbeat else { return }
        while (try? await Task.sleep(for: heartbeat)) != nil {
            try? await MultiThreadedEventLoopGroup.singleton.any().submit {}.get()
            _ = try? await vault.pool.read { db in try AccountStore.ids(in: db).count }
            manager.isAlive()
        }
    }
}

internal import Hummingbird
internal import HummingbirdCore
internal import KMSSupport
internal import Logging
internal import NIOCore
internal import ServiceLifecycle

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// One listening address.
struct Listener: Sendable {
    /// As it was asked for, and the setting that did.
    let address: ListenAddress
    let setting: String
    let server: HTTPServerBuilder
    let gate: RequestGate
    /// Called when connections are accepted.
    let onRunning: @Sendable (any Channel) async -> Void
    let logger: Logger

    /// Until the surrounding service group shuts down and the requests under way are answered.
    func run() async throws {
        let isRunning = Locked(false)
        let application = Application(
            responder: gate, server: server,
            // A burst of new connections waits; it would come again only after a second if there were no room for it.
            configuration: .init(
                address: .hostname(address.host, port: address.port), serverName: "kmsd", backlog: 4096),
            onServerRunning: { channel in
                isRunning.withLock { $0 = true }
                await onRunning(channel)
            }, logger: logger)
        do {
            try await application.run()
        } catch {
            guard !isRunning.withLock({ $0 }), !(error is CancellationError) else { throw error }
            throw StartError("cannot listen on \(address): \(reason(error))", .unavailable)
        }
    }

    private func reason(_ error: any Error) -> String {
        guard let number = (error as? IOError)?.errnoCode else { return "there is no such host name or address" }
        let text = String(cString: strerror(number))
        switch number {
        case EADDRINUSE: return text + "; stop the other program, or name another port with \(setting)"
        case EADDRNOTAVAIL: return text + "; \(setting) takes an address of this machine, or 0.0.0.0 for all"
        case EACCES: return text + "; ports below 1024 need the capability CAP_NET_BIND_SERVICE"
        default: return text
        }
    }
}

/// All of them. They begin and stop together.
struct Listeners: Service {
    let listeners: [Listener]

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for listener in listeners { tasks.addTask { try await listener.run() } }
            // Not `waitForAll`: when one cannot listen, the others shall end.
            for try await _ in tasks {}
        }
    }
}

import KMSSupport

/// One look at all hosts.
final class AgentPass {
    private let options: AgentOptions
    private let source: any EntrySource
    private let store: any EntryStore
    private let rules: CertificateRules
    private let stop: StopSignal
    /// Events that become true with the store's `commit`.
    private var pending: [AgentEvent] = []

    /// In order.
    private(set) var events: [AgentEvent] = []
    private(set) var failures: [AgentFailure] = []
    /// Seconds until the next look, as certificates demand it.
    private(set) var due: Int?
    /// The shortest time that a certificate in use still has.
    private(set) var shortestRemaining: Int?

    init(
        _ options: AgentOptions, _ source: any EntrySource, _ store: any EntryStore, _ rules: CertificateRules,
        _ stop: StopSignal
    ) {
        self.options = options
        self.source = source
        self.store = store
        self.rules = rules
        self.stop = stop
    }

    /// - Parameter ours: the hosts whose entry this run has loaded or found in order, also after this pass. Those that
    ///   are no longer listed are removed.
    func run(_ credential: inout AgentCredential, _ ours: inout Set<String>) {
        do {
            let hosts = try source.hosts()
            try store.open()
            let client = try credential.connect(options.connection)
            defer { client.close() }
            for host in hosts where !stop.isRequested {
                guard visit(host, client) else { break }
            }
            for host in ours.subtracting(hosts).sorted() { remove(host, because: "it is no longer in the list") }
        } catch {
            fail(nil, AgentFailure(error))
        }
        commit()
        for event in events {
            guard let host = event.host else { continue }
            switch event.event {
            case .loaded, .unchanged, .expiring:
                ours.insert(host)
                source.confirm(host)
            case .removed: ours.remove(host)
            default: break
            }
        }
    }

    /// - Returns: false: no other host will do better.
    private func visit(_ host: String, _ client: AdminClient) -> Bool {
        do {
            let held = try store.held(host).flatMap { HeldEntry($0, rules: rules) }
            if let held { note(held.certificate) }
            do {
                try load(host, held, try source.plan(host, held: held, client))
            } catch let failure as AgentFailure where failure.absence != nil && options.watch {
                try miss(host, failure)
            }
            return true
        } catch {
            let failure = AgentFailure(error)
            fail(host, failure)
            return failure.code != .unavailable
        }
    }

    /// An object of the host cannot be had.
    private func miss(_ host: String, _ failure: AgentFailure) throws {
        // Also an entry that cannot be used any more.
        guard try store.held(host) != nil else {
            // Where there is none, there is nothing to try again soon.
            events.append(AgentEvent(failure, host, store.name))
            return
        }
        guard failure.isWithdrawal else { throw failure }
        remove(host, because: failure.message)
    }

    private func load(_ host: String, _ held: HeldEntry?, _ plan: EntryPlan) throws {
        switch plan {
        case .keep:
            guard let certificate = held?.certificate else { return }
            events.append(AgentEvent(certificate.isNearEnd ? .expiring : .unchanged, host, store.name, certificate))
            schedule(certificate)
        case .replace where options.dryRun:
            events.append(AgentEvent(.wouldLoad, host, store.name))
        case .replace(let make):
            let entry = try make()
            guard !stop.isRequested else { throw AgentFailure(.temporary, "interrupted before it was loaded") }
            try store.put(entry)
            var event = AgentEvent(.loaded, host, store.name, entry.certificate)
            event.message = entry.advice
            pending.append(event)
            note(entry.certificate)
            schedule(entry.certificate)
        }
    }

    private func remove(_ host: String, because reason: String) {
        var event = AgentEvent(.removed, host, store.name)
        event.message = reason
        do {
            try store.remove(host)
            pending.append(event)
        } catch {
            fail(host, AgentFailure(error))
        }
    }

    /// What fails stays as it was, and the next pass comes back to it.
    private func commit() {
        do {
            if !options.dryRun { try store.commit() }
            events += pending
        } catch {
            let failure = AgentFailure(error)
            for event in pending { fail(event.host, failure) }
        }
    }

    private func fail(_ host: String?, _ failure: AgentFailure) {
        failures.append(failure)
        events.append(AgentEvent(failure, host, store.name))
    }

    private func schedule(_ certificate: ServerCertificate) {
        if let seconds = source.due(certificate) { due = min(due ?? seconds, seconds) }
    }

    private func note(_ certificate: ServerCertificate) {
        shortestRemaining = min(shortestRemaining ?? .max, certificate.remaining)
    }
}

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
    /// Those of the source, and those that could not be removed; nil: the source did not say.
    private(set) var hosts: [String]?
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

    /// - Parameter before: the hosts of the pass before; those that are no longer there are removed.
    func run(_ credential: inout AgentCredential, before: [String]) {
        do {
            let hosts = try source.hosts()
            let gone = before.filter { !hosts.contains($0) }
            // Until they are removed.
            self.hosts = hosts + gone
            try store.open()
            let client = try credential.connect(options.connection)
            defer { client.close() }
            for host in hosts where !stop.isRequested {
                guard visit(host, client) else { break }
            }
            self.hosts = hosts
            for host in gone { remove(host, because: "it is no longer in the list") }
        } catch {
            fail(nil, AgentFailure(error))
        }
        commit()
    }

    /// - Returns: false: no other host will do better.
    private func visit(_ host: String, _ client: AdminClient) -> Bool {
        do {
            let held = try store.held(host).flatMap { HeldEntry($0, rules: rules) }
            if let held { note(held.certificate) }
            do {
                try load(host, held, try source.plan(host, held: held, client))
            } catch let failure as AgentFailure where failure.isWithdrawal && options.watch {
                // Also an entry that cannot be used any more. Where there is none, there is nothing to try again soon.
                if try store.held(host) != nil {
                    remove(host, because: failure.message)
                } else {
                    events.append(AgentEvent(failure, host, store.name))
                }
            }
            return true
        } catch {
            let failure = AgentFailure(error)
            fail(host, failure)
            return failure.code != .unavailable
        }
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
            pending.append(AgentEvent(.loaded, host, store.name, entry.certificate))
            note(entry.certificate)
            schedule(entry.certificate)
        }
    }

    private func remove(_ host: String, because reason: String) {
        var event = AgentEvent(options.dryRun ? .wouldRemove : .removed, host, store.name)
        event.message = reason
        do {
            if !options.dryRun { try store.remove(host) }
            pending.append(event)
        } catch {
            keep(host, AgentFailure(error))
        }
    }

    /// An entry that is still there; the next pass comes back to it.
    private func keep(_ host: String, _ failure: AgentFailure) {
        fail(host, failure)
        if hosts?.contains(host) == false { hosts?.append(host) }
    }

    private func commit() {
        do {
            if !options.dryRun { try store.commit() }
            events += pending
        } catch {
            let failure = AgentFailure(error)
            for event in pending { keep(event.host ?? "", failure) }
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

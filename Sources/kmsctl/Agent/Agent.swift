import ArgumentParser
import Glibc
import OpenSSLCrypto

/// Runs a source's entries into a store, once or until SIGTERM.
final class Agent {
    /// Longest time between two tries after a failure, in seconds.
    private static let longestBackoff = 60

    private let options: AgentOptions
    private let source: any EntrySource
    private let store: any EntryStore
    private let rules: CertificateRules
    private var credential: AgentCredential
    private let stop: StopSignal
    private var attempts = 0
    /// Those whose entry this run has loaded, or found as it should be; no other is ever removed.
    private var hosts: Set<String> = []
    /// What was last said of each host, so that --watch says only what is new.
    private var said: [String: String] = [:]

    init(
        _ options: AgentOptions, _ source: any EntrySource, _ store: any EntryStore, _ rules: CertificateRules,
        _ credential: AgentCredential
    ) {
        self.options = options
        self.source = source
        self.store = store
        self.rules = rules
        self.credential = credential
        stop = StopSignal(exitCode: options.watch ? 0 : AgentFailure.Code.temporary.rawValue)
    }

    /// The same for every agent: makes source and store, runs, and ends with the exit code of the first failure.
    ///
    /// - Throws: `ExitCode`.
    static func run(
        _ options: AgentOptions, zone: String?, _ credential: () throws -> AgentCredential = { AgentCredential() },
        source: (CertificateRules) -> any EntrySource
    ) throws {
        // A dump of the memory would have private keys in it.
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        // Renewing does not depend on somebody who reads what is said of it.
        signal(SIGPIPE, SIG_IGN)
        let agent: Agent
        do {
            let rules = CertificateRules(
                context: try LibraryContext(), acceptsCommonName: options.acceptCommonName)
            agent = Agent(options, source(rules), try options.store(zone: zone), rules, try credential())
        } catch {
            let failure = AgentFailure(error)
            try AgentEvent(failure, nil, zone ?? options.output ?? "").show(asJSON: options.connection.json)
            _ = Output.takeLoss()
            throw ExitCode(failure.code.rawValue)
        }
        let code = try options.watch && !options.dryRun ? agent.watch() : agent.once()
        if let code { throw ExitCode(code.rawValue) }
    }

    private func once() throws -> AgentFailure.Code? {
        let pass = pass()
        for event in pass.events { try event.show(asJSON: options.connection.json) }
        if stop.isRequested, pass.failures.isEmpty {
            let failure = AgentFailure(.temporary, "interrupted; what was not loaded stays as it was")
            try AgentEvent(failure, nil, store.name).show(asJSON: options.connection.json)
            _ = Output.takeLoss()
            return failure.code
        }
        guard let loss = Output.takeLoss() else { return pass.failures.first?.code }
        Output.note(loss.message)
        return pass.failures.first?.code ?? .output
    }

    private func watch() throws -> AgentFailure.Code? {
        Output.dropWhatNobodyReads()
        while true {
            let pass = pass()
            let wait = pause(after: pass)
            try tellOfDropped()
            for event in pass.events { try tell(event, wait) }
            goOnUnheard()
            // What comes after a failure is worth saying, whatever was said before it.
            if !pass.failures.isEmpty { said = said.filter { $0.value.hasPrefix("failed") } }
            guard stop.wait(seconds: wait) != .stop else { break }
        }
        try AgentEvent(.stopped, nil, store.name).show(asJSON: options.connection.json)
        goOnUnheard()
        return nil
    }

    /// NGINX needs its certificates also when the log is full or nobody reads it.
    private func goOnUnheard() {
        if let loss = Output.takeLoss() { Output.noteOnce("\(loss.message); the agent goes on all the same") }
    }

    /// A log that is read again says that it has a gap.
    private func tellOfDropped() throws {
        let count = Output.takeDropped()
        guard count > 0 else { return }
        var event = AgentEvent(.dropped, nil, store.name)
        event.message = "\(count) line\(count == 1 ? "" : "s") of this log"
        try event.show(asJSON: options.connection.json)
    }

    private func pass() -> AgentPass {
        let pass = AgentPass(options, source, store, rules, stop)
        pass.run(&credential, &hosts)
        return pass
    }

    /// Seconds. After failures 1, 2, 4 … 60, shortened by up to a third, so that many agents do not come back in step;
    /// and never so long that a certificate ends meanwhile.
    private func pause(after pass: AgentPass) -> Int {
        let regular = min(options.interval, pass.due ?? options.interval)
        guard !pass.failures.isEmpty else {
            attempts = 0
            return max(1, regular)
        }
        let step = min(Self.longestBackoff, 1 << min(attempts, 6))
        attempts += 1
        let wait = step - Int.random(in: 0...step / 3)
        return max(1, min(wait, options.interval, (pass.shortestRemaining ?? .max) / 2))
    }

    /// A failure is told when it begins or changes, "unchanged" at the beginning and after a failure.
    private func tell(_ event: AgentEvent, _ wait: Int) throws {
        var event = event
        let news = "\(event.event) \(event.message ?? "")"
        let last = said.updateValue(news, forKey: event.host ?? "")
        switch event.event {
        case .failed where last == news: return
        case .failed: event.retry_in = wait
        case .unchanged where last != nil && last?.hasPrefix("failed") != true: return
        case .expiring where last == news: return
        default: break
        }
        try event.show(asJSON: options.connection.json)
    }
}

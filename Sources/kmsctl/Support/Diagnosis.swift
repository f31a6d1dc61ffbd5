import Cryptoki
import KMSBackend
import KMSModel
import KMSSupport
import KMSTransport
import OpenSSLCrypto

/// Walks the way of a signature step by step, with the module's own configuration, transport and backend.
struct Diagnosis {
    struct Step: Encodable {
        enum Name: String, Encodable, CaseIterable {
            case configuration, dns, tcp, proxy, tls, clock, authentication, list, signature, counters

            /// Those of every run; the others only where there is a proxy or a place for counters.
            static var usual: [Name] { allCases.filter { $0 != .proxy && $0 != .counters } }
        }

        /// A warning is a step that passes and will not for long, or not for everybody.
        enum State: String, Encodable { case ok, warning, failed, skipped }

        var step: Name
        var state: State
        var slot: String?
        /// What was looked at: endpoint, host, key.
        var subject: String?
        var detail: String
        var remedy: String?
        var milliseconds: Int?
    }

    /// A step that failed, and the exit code that it means.
    struct Failure: Error {
        var code: CommandFailure.Code
        var detail: String
        var remedy: String?
    }

    private(set) var steps: [Step] = []
    private(set) var failure: CommandFailure.Code?
    /// Called with every step as it ends.
    private let report: (Step) -> Void
    private let showsProgress: Bool

    init(showsProgress: Bool, report: @escaping (Step) -> Void) {
        self.showsProgress = showsProgress
        self.report = report
    }

    var failedStep: Step.Name? { steps.first { $0.state == .failed }?.step }

    /// Runs a step and notes how it ended; nil when it failed.
    mutating func run<Result>(
        _ name: Step.Name, slot: String? = nil, subject: String? = nil,
        _ body: () throws(Failure) -> (Result, String)
    ) -> Result? {
        let start = Deadline.now
        var step = Step(step: name, state: .ok, slot: slot, subject: subject, detail: "")
        var result: Result?
        do {
            let (value, detail) = try Progress.during("step \(name.rawValue)", isShown: showsProgress, body)
            result = value
            step.detail = detail
        } catch {
            failure = failure ?? error.code
            step.state = .failed
            step.detail = error.detail
            step.remedy = error.remedy
        }
        step.milliseconds = Int(clamping: (Deadline.now - start) / 1_000_000)
        note(step)
        return result
    }

    /// A step that passes, with something to say.
    mutating func warn(_ name: Step.Name, slot: String?, subject: String?, _ detail: String, remedy: String) {
        note(Step(step: name, state: .warning, slot: slot, subject: subject, detail: detail, remedy: remedy))
    }

    mutating func skip(_ name: Step.Name, slot: String?, subject: String? = nil, _ reason: String) {
        note(Step(step: name, state: .skipped, slot: slot, subject: subject, detail: reason))
    }

    private mutating func note(_ step: Step) {
        steps.append(step)
        report(step)
    }
}

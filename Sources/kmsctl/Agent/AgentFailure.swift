/// Why an entry could not be loaded: a sentence, a remedy, and the exit code.
struct AgentFailure: Error {
    /// Those of sysexits.h; `kmsctl agent --help` and kmsctl-agent(1) list them.
    enum Code: Int32 {
        /// Key and certificate are not what the host needs.
        case data = 65
        /// The KMS has no such object or plugin.
        case notFound = 66
        /// KMS or NGINX cannot be reached, or is out of order.
        case unavailable = 69
        /// The folder cannot be written.
        case cannotCreate = 73
        /// What was done cannot be told: standard output does not take it.
        case output = 74
        /// Interrupted, or another agent is at it.
        case temporary = 75
        /// An answer that cannot be understood.
        case protocolError = 76
        /// KMS or NGINX refuses.
        case refused = 77
        /// An option, a file, or NGINX's configuration is wrong.
        case configuration = 78

        /// Stable, for --json.
        var name: String {
            switch self {
            case .data: "data"
            case .notFound: "not_found"
            case .unavailable: "unavailable"
            case .cannotCreate: "cannot_create"
            case .output: "output"
            case .temporary: "temporary"
            case .protocolError: "protocol"
            case .refused: "refused"
            case .configuration: "configuration"
            }
        }
    }

    var code: Code
    var message: String
    var remedy: String?
    /// The KMS does not give this object, or not for use.
    var absence: Absence?
    /// Key or certificate is gone from the KMS for good, so that --watch takes the entry away.
    var isWithdrawal = false

    /// Why an object cannot be had.
    enum Absence {
        /// There is none of this name that the app may see: deleted, or a typo, or the app lost the group.
        case unseen(String)
        /// It is there, but disabled or at the end of its life.
        case ended(String)
    }

    init(_ code: Code, _ message: String, remedy: String? = nil) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    static func absent(_ absence: Absence, _ message: String) -> AgentFailure {
        var failure: AgentFailure
        switch absence {
        case .unseen:
            failure = AgentFailure(
                .notFound, message,
                remedy: "Check the name (kmsctl key list), and that the app is in the object's group.")
        case .ended:
            failure = AgentFailure(.data, message, remedy: "Make it usable again, or name another object for the host.")
        }
        failure.absence = absence
        return failure
    }

    /// What the other commands' code says, in the agents' exit codes.
    init(_ failure: CommandFailure) {
        let code: Code =
            switch failure.code {
            case _ where failure.isUnintelligible: .protocolError
            case .refused, .unauthenticated: .refused
            case .input: .configuration
            case .unreachable: .unavailable
            case .notFound: .notFound
            }
        self.init(code, failure.message, remedy: failure.remedy)
    }

    /// A stored key could not be deleted either.
    func leaving(_ name: String, after error: any Error) -> AgentFailure {
        var failure = self
        let why = AgentFailure(error).message
        if why != message { failure.message += "; \(why)" }
        let left =
            "The key \"\(name)\" is still in the KMS. Delete it, or let the first agent do so that runs when it has"
            + " ended, ten minutes after it was made."
        failure.remedy = [remedy, left].compactMap(\.self).joined(separator: " ")
        return failure
    }

    /// Any error that an agent's step throws.
    init(_ error: any Error) {
        switch error {
        case let failure as AgentFailure: self = failure
        case let failure as CommandFailure: self.init(failure)
        default: self.init(.data, "\(error)")
        }
    }
}

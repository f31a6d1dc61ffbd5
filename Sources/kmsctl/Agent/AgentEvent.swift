import KMSModel
import KMSSupport
import OpenSSLCrypto

/// What an agent did or could not do: a line for people, or under --json one object a line. Never anything of a key.
struct AgentEvent: Encodable {
    enum Kind: String, Encodable {
        case loaded
        case unchanged
        case removed
        /// --dry-run.
        case wouldLoad = "would_load"
        /// The certificate in use ends soon and there is no newer one.
        case expiring
        case failed
        /// Lines that nobody read.
        case dropped
        case stopped
    }

    var time = Timestamp.now.rfc3339
    var event: Kind
    var host: String?
    var store: String
    var not_after: String?
    /// SHA-256 of the certificate.
    var fingerprint: String?
    var message: String?
    var remedy: String?
    var code: String?
    var exit_code: Int32?
    /// Seconds until --watch tries again.
    var retry_in: Int?

    init(_ event: Kind, _ host: String?, _ store: String) {
        self.event = event
        self.host = host
        self.store = store
    }

    init(_ event: Kind, _ host: String, _ store: String, _ certificate: ServerCertificate) {
        self.init(event, host, store)
        not_after = Timestamp(seconds: certificate.validity.upperBound).rfc3339
        fingerprint = certificate.fingerprint
    }

    init(_ failure: AgentFailure, _ host: String?, _ store: String) {
        self.init(.failed, host, store)
        message = failure.message
        remedy = failure.remedy
        code = failure.code.name
        exit_code = failure.code.rawValue
    }

    func show(asJSON: Bool) throws {
        if asJSON {
            try Output.line(self)
        } else if event == .failed || event == .expiring {
            Output.note(text)
            if let remedy { Output.write("        \(Output.printable(remedy))\n") }
        } else {
            Output.print(Output.printable(text))
        }
    }

    private var text: String {
        let what =
            switch event {
            case .loaded: "loaded into \(store)"
            case .unchanged: "already in \(store)"
            case .removed: "removed from \(store)"
            case .wouldLoad: "would be loaded into \(store)"
            case .expiring: "the certificate in \(store) ends soon, and the KMS has no newer one"
            case .failed: message ?? "failed"
            case .dropped: "not written, because nobody read it"
            case .stopped: "stopped; \(store) stays as it is"
            }
        let end = not_after.map { "; the certificate is valid until \($0)" } ?? ""
        let reason = event == .failed ? "" : message.map { ": \($0)" } ?? ""
        let retry = retry_in.map { "; trying again in \($0) s" } ?? ""
        return (host.map { "\($0): " } ?? "") + what + end + reason + retry
    }
}

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
            case configuration, dns, tcp, tls, authentication, list, signature
        }

        enum State: String, Encodable { case ok, failed, skipped }

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

    mutating func skip(_ name: Step.Name, slot: String?, subject: String? = nil, _ reason: String) {
        note(Step(step: name, state: .skipped, slot: slot, subject: subject, detail: reason))
    }

    private mutating func note(_ step: Step) {
        steps.append(step)
        report(step)
    }
}

// MARK: - Network

extension Diagnosis {
    /// DNS, TCP and TLS of one node.
    ///
    /// - Returns: the transport, when the node answers over a TLS connection that is trusted.
    mutating func network(_ endpoint: String, slot: Configuration.Slot) -> CurlTransport? {
        let label = slot.label
        guard let url = try? EndpointURL(endpoint) else { return nil }
        if let proxy = Proxy.of(url) {
            skip(
                .dns, slot: label, subject: url.host,
                "the proxy \(proxy.address) (\(proxy.variable)) looks up the name")
            skip(.tcp, slot: label, subject: endpoint, "the connection goes through the proxy \(proxy.address)")
        } else {
            let addresses = run(.dns, slot: label, subject: url.host) { () throws(Failure) in
                try Self.resolve(url)
            }
            guard let addresses else { return skipRest([.tcp, .tls], slot: label, subject: endpoint) }
            let connected: Void? = run(.tcp, slot: label, subject: "\(url.host):\(url.port)") { () throws(Failure) in
                try Self.connect(addresses, url, slot)
            }
            guard connected != nil else { return skipRest([.tls], slot: label, subject: endpoint) }
        }
        return run(.tls, slot: label, subject: endpoint) { () throws(Failure) in try Self.handshake(url, slot) }
    }

    private mutating func skipRest(_ names: [Step.Name], slot: String, subject: String) -> CurlTransport? {
        for name in names { skip(name, slot: slot, subject: subject, "not tried") }
        return nil
    }

    private static func resolve(_ url: EndpointURL) throws(Failure) -> ([NetworkProbe.Address], String) {
        do {
            let addresses = try NetworkProbe.resolve(url.host, port: url.port)
            return (addresses, "\(url.host) is \(addresses.map(\.text).joined(separator: ", "))")
        } catch {
            throw Failure(
                code: .unreachable, detail: "\(url.host): \(error.reason)",
                remedy: "Check the host name in FORTANIX_API_ENDPOINT or api_endpoint, and this machine's DNS.")
        }
    }

    private static func connect(
        _ addresses: [NetworkProbe.Address], _ url: EndpointURL, _ slot: Configuration.Slot
    ) throws(Failure) -> (Void, String) {
        do {
            let deadline = Deadline(milliseconds: slot.deadlineMilliseconds)
            let address = try NetworkProbe.connect(to: addresses, deadline: deadline)
            return ((), "\(address.text) port \(url.port) accepts connections")
        } catch {
            throw Failure(
                code: .unreachable, detail: "port \(url.port): \(error.reason)",
                remedy: "Check that the KMS runs there, the port in the endpoint, and firewalls on the way.")
        }
    }

    private static func handshake(
        _ url: EndpointURL, _ slot: Configuration.Slot
    ) throws(Failure) -> (CurlTransport, String) {
        var options = TransportOptions(endpoint: url.text)
        options.caCertificates = slot.caCertificates
        options.clientCertificate = slot.clientCertificate
        options.clientKey = slot.clientKey
        do {
            let transport = try CurlTransport(options)
            var request = HTTPRequest(.get, "/sys/v1/health")
            request.expectsJSON = false
            let response = try transport.perform(
                request, deadline: Deadline(milliseconds: slot.deadlineMilliseconds))
            let authority = slot.caCertificates == nil ? "the system's certificate authorities" : "the configured CA"
            return (transport, "the certificate is trusted by \(authority); health answers \(response.status)")
        } catch {
            throw Failure(
                code: .unreachable, detail: error.message,
                remedy: Remedy.of(
                    error, at: url, place: .module, hasClientCertificate: slot.clientCertificate != nil))
        }
    }
}

import Cryptoki
import Glibc
import KMSSupport
import KMSTransport

// From the name of a node to a TLS connection that is trusted.

extension Diagnosis {
    /// DNS, TCP or proxy, TLS and the clock of one node.
    ///
    /// - Returns: the transport, when the node answers over a TLS connection that is trusted.
    mutating func network(_ endpoint: String, slot: Configuration.Slot) -> CurlTransport? {
        guard let url = try? EndpointURL(endpoint) else { return nil }
        guard slot.proxy.applies(to: url.host) ? proxy(url, slot) : direct(url, slot) else {
            return skipRest([.tls, .clock], slot: slot.label, subject: endpoint)
        }
        let reached = run(.tls, slot: slot.label, subject: endpoint) { () throws(Failure) in
            try Self.handshake(url, slot)
        }
        guard let reached else { return skipRest([.clock], slot: slot.label, subject: endpoint) }
        certificate(reached.transport, url, slot)
        clock(reached.response, url, slot)
        return reached.transport
    }

    private mutating func skipRest(_ names: [Step.Name], slot: String, subject: String) -> CurlTransport? {
        for name in names { skip(name, slot: slot, subject: subject, "not tried") }
        return nil
    }

    // MARK: - Name and connection

    private mutating func direct(_ url: EndpointURL, _ slot: Configuration.Slot) -> Bool {
        let addresses = run(.dns, slot: slot.label, subject: url.host) { () throws(Failure) in
            try Self.resolve(
                url.host, url.port,
                "Check the host name in FORTANIX_API_ENDPOINT or api_endpoint, and this machine's DNS.")
        }
        guard let addresses else {
            skip(.tcp, slot: slot.label, subject: url.text, "not tried")
            return false
        }
        let connected: Void? = run(.tcp, slot: slot.label, subject: "\(url.host):\(url.port)") { () throws(Failure) in
            try Self.connect(
                addresses, url.port, slot,
                "Check that the KMS runs there, the port in the endpoint, and firewalls on the way.")
        }
        return connected != nil
    }

    private mutating func proxy(_ url: EndpointURL, _ slot: Configuration.Slot) -> Bool {
        let address = slot.proxy.shownAddress
        skip(
            .dns, slot: slot.label, subject: url.host, "the proxy \(address) (\(slot.proxy.origin)) looks up the name")
        skip(.tcp, slot: slot.label, subject: url.text, "the connection goes through the proxy \(address)")
        let connected: Void? = run(.proxy, slot: slot.label, subject: address) { () throws(Failure) in
            let remedy =
                "Check proxy in the configuration, else \(slot.proxy.origin), and that the proxy runs; or put"
                + " \(url.host) into no_proxy."
            guard let place = slot.proxy.place else {
                throw Failure(code: .input, detail: "\(address) is no address of a proxy", remedy: remedy)
            }
            let addresses = try Self.resolve(place.host, place.port, remedy).0
            return try Self.connect(addresses, place.port, slot, remedy)
        }
        return connected != nil
    }

    private static func resolve(
        _ host: String, _ port: Int, _ remedy: String
    ) throws(Failure) -> ([NetworkProbe.Address], String) {
        do {
            let addresses = try NetworkProbe.resolve(host, port: port)
            return (addresses, "\(host) is \(addresses.map(\.text).joined(separator: ", "))")
        } catch {
            throw Failure(code: .unreachable, detail: "\(host): \(error.reason)", remedy: remedy)
        }
    }

    private static func connect(
        _ addresses: [NetworkProbe.Address], _ port: Int, _ slot: Configuration.Slot, _ remedy: String
    ) throws(Failure) -> (Void, String) {
        do {
            let deadline = Deadline(milliseconds: slot.deadlineMilliseconds)
            let address = try NetworkProbe.connect(to: addresses, deadline: deadline)
            return ((), "\(address.text) port \(port) accepts connections")
        } catch {
            throw Failure(code: .unreachable, detail: "port \(port): \(error.reason)", remedy: remedy)
        }
    }

    // MARK: - TLS

    private static func handshake(
        _ url: EndpointURL, _ slot: Configuration.Slot
    ) throws(Failure) -> ((transport: CurlTransport, response: HTTPResponse), String) {
        let deadline = Deadline(milliseconds: slot.deadlineMilliseconds)
        var transport: CurlTransport?
        do {
            let new = try CurlTransport(slot.transportOptions([url.text]))
            transport = new
            var request = HTTPRequest(.get, "/sys/v1/health")
            request.wantsDate = true
            request.expectsJSON = false
            let response = try new.perform(request, deadline: deadline)
            let shown = (try? new.peerCertificate(deadline: deadline)).map { "; " + describe($0) } ?? ""
            return ((new, response), "trusted by \(authority(slot)); health answers \(response.status)\(shown)")
        } catch {
            // Of a certificate that is not trusted one wants to know which it is.
            let shown = error.kind == .tls ? (try? transport?.peerCertificate(deadline: deadline)).map(describe) : nil
            throw Failure(
                code: .unreachable, detail: error.message + (shown.map { "; " + $0 } ?? ""),
                remedy: Remedy.of(
                    error, at: url, place: .module, proxy: slot.proxy,
                    hasClientCertificate: slot.tls.clientCertificate != nil))
        }
    }

    private static func authority(_ slot: Configuration.Slot) -> String {
        switch (slot.tls.authorities != nil, slot.tls.addsSystemAuthorities) {
        case (false, _): "the system's certificate authorities"
        case (true, false): "the configured CA"
        case (true, true): "the configured CA or the system's"
        }
    }

    private static func describe(_ certificate: PeerCertificate) -> String {
        let life =
            certificate.isEarly
            ? "not valid yet" : certificate.daysLeft < 0 ? "expired" : "valid for \(certificate.daysLeft) days more"
        return "the KMS's certificate is for \(certificate.names), from \(certificate.issuer), \(life) (until"
            + " \(certificate.end)), sent with \(certificate.chainLength - 1) more; its pin is \(certificate.pin)"
    }

    /// Days before the end of a certificate at which it is time to renew it.
    private static var renewal: Int { 14 }

    private mutating func certificate(_ transport: CurlTransport, _ url: EndpointURL, _ slot: Configuration.Slot) {
        let deadline = Deadline(milliseconds: slot.deadlineMilliseconds)
        guard let shown = try? transport.peerCertificate(deadline: deadline), shown.daysLeft < Self.renewal else {
            return
        }
        warn(
            .tls, slot: slot.label, subject: url.text, "the KMS's certificate ends in \(max(0, shown.daysLeft)) days",
            remedy: "Renew it before \(shown.end).")
    }

    // MARK: - Clock

    /// Seconds by which the clocks may differ before certificates and audit records are in doubt.
    private static var tolerance: Int { 60 }

    private mutating func clock(_ response: HTTPResponse, _ url: EndpointURL, _ slot: Configuration.Slot) {
        guard let there = response.serverTime else {
            return skip(.clock, slot: slot.label, subject: url.text, "the KMS does not tell its time")
        }
        let difference = time(nil) - there
        guard abs(difference) > Self.tolerance else {
            let _: Void? = run(.clock, slot: slot.label, subject: url.text) { () throws(Failure) in
                ((), "this machine's clock and the KMS's agree")
            }
            return
        }
        warn(
            .clock, slot: slot.label, subject: url.text,
            "this machine's clock is \(abs(difference)) s \(difference > 0 ? "ahead of" : "behind") the KMS's",
            remedy: "Let both take their time from the network (timedatectl set-ntp true).")
    }
}

import Glibc
import KMSSupport
import KMSTransport
import Testing

struct CurlTransportTests {
    private func get(_ endpoint: String, milliseconds: Int = 5_000) -> TransportError? {
        #expect(throws: TransportError.self) {
            try CurlTransport(TransportOptions(endpoint: endpoint))
                .perform(HTTPRequest(.get, "/"), deadline: Deadline(milliseconds: milliseconds))
        }
    }

    @Test(arguments: ["http://localhost", "", "https://", "localhost"])
    func wantsHTTPS(endpoint: String) {
        let error = #expect(throws: TransportError.self) { try CurlTransport(TransportOptions(endpoint: endpoint)) }
        #expect(error?.kind == .refused)
    }

    @Test func aRefusedConnectionIsTriedForAWhileAndNamed() throws {
        let listener = try #require(Listener())
        let port = listener.port
        listener.close()
        let began = Deadline.now
        let error = get("https://127.0.0.1:\(port)")
        let seconds = Double(Deadline.now - began) / 1e9
        #expect(error?.kind == .connection && error?.wasNeverSent == true)
        #expect(error?.message.contains("https://127.0.0.1:\(port)") == true)
        #expect(seconds > 0.5 && seconds < 4)
    }

    @Test func whileTheKMSIsAwayLaterRequestsFailAtOnce() throws {
        let listener = try #require(Listener())
        let transport = try CurlTransport(TransportOptions(endpoint: "https://127.0.0.1:\(listener.port)"))
        listener.close()
        #expect(throws: TransportError.self) { try transport.perform(HTTPRequest(.get, "/"), deadline: soon) }
        let began = Deadline.now
        #expect(throws: TransportError.self) { try transport.perform(HTTPRequest(.get, "/"), deadline: soon) }
        #expect(Deadline.now - began < 500_000_000)
    }

    @Test func aServerThatSaysNothingCostsTheDeadlineAndNoMore() throws {
        let listener = try #require(Listener())
        defer { listener.close() }
        let began = Deadline.now
        #expect(get("https://127.0.0.1:\(listener.port)", milliseconds: 300)?.kind == .timedOut)
        #expect(Deadline.now - began < 1_500_000_000)
    }

    @Test func whoFindsNoPlaceWaitsForOneUntilItsDeadline() throws {
        let listener = try #require(Listener())
        defer { listener.close() }
        var options = TransportOptions(endpoint: "https://127.0.0.1:\(listener.port)")
        options.maximumRequests = 1
        let transport = try CurlTransport(options)
        let isOver = Locked(false)
        let holder = try #require(
            Thread.start {
                _ = try? transport.perform(HTTPRequest(.get, "/"), deadline: Deadline(milliseconds: 1_000))
                isOver.withLock { $0 = true }
            })
        while transport.openConnections == 0, !isOver.withLock({ $0 }) { Gate.pause(milliseconds: 1) }
        let error = #expect(throws: TransportError.self) {
            try transport.perform(HTTPRequest(.get, "/"), deadline: Deadline(milliseconds: 200))
        }
        #expect(error?.kind == .timedOut && error?.wasNeverSent == true)
        #expect(error?.message.contains("1 requests are under way already") == true)
        // The place is given back.
        let second = #expect(throws: TransportError.self) {
            try transport.perform(HTTPRequest(.get, "/"), deadline: Deadline(milliseconds: 2_500))
        }
        #expect(isOver.withLock { $0 })
        #expect(second?.message.contains("under way") == false)
        pthread_join(holder, nil)
    }

    @Test func aPortWithoutTLSIsNamed() throws {
        let listener = try #require(Listener())
        defer { listener.close() }
        listener.answerOnce("HTTP/1.0 400 Bad Request\r\n\r\n")
        let error = get("https://127.0.0.1:\(listener.port)")
        #expect(error?.kind == .tls)
        #expect(error?.message.contains("does not speak TLS") == true)
    }

    @Test func aPassedDeadlineSendsNothing() {
        #expect(get("https://127.0.0.1:1", milliseconds: 0)?.wasNeverSent == true)
    }

    @Test(arguments: ["", "no slash", "/a b", "/ü", "/a\r\nX: y"])
    func aPathMustBeEncoded(path: String) throws {
        let transport = try CurlTransport(TransportOptions(endpoint: "https://127.0.0.1:1"))
        let error = #expect(throws: TransportError.self) {
            try transport.perform(HTTPRequest(.get, path), deadline: soon)
        }
        #expect(error?.kind == .refused)
    }

    @Test func aCredentialMustFitIntoAHeaderAndIsNotShown() throws {
        let transport = try CurlTransport(TransportOptions(endpoint: "https://127.0.0.1:1"))
        let request = HTTPRequest(.get, "/", authorization: Secret("Basic canary\r\nX: y"))
        let error = #expect(throws: TransportError.self) { try transport.perform(request, deadline: soon) }
        #expect(error?.kind == .refused && error?.message.contains("canary") == false)
    }

    @Test(arguments: ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    func unusableCACertificatesAreNamed(pem: String) throws {
        var options = TransportOptions(endpoint: "https://127.0.0.1:1")
        options.tls.authorities = Array(pem.utf8)
        let transport = try CurlTransport(options)
        let error = #expect(throws: TransportError.self) {
            try transport.perform(HTTPRequest(.get, "/"), deadline: soon)
        }
        #expect(error?.kind == .refused && error?.message.contains("ca_certs_file") == true)
    }
}

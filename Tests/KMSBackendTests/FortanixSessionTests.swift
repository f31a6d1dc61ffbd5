import Glibc
import KMSBackend
import KMSModel
import KMSSupport
import KMSTransport
import Testing

struct FortanixSessionTests {
    private let digest = [UInt8](repeating: 1, count: 32)

    private func sign(_ backend: FortanixDSM) throws(BackendError) -> [UInt8] {
        try backend.sign(digest, with: .ecdsa(.sha256), key: KeyID("k"), deadline: soon)
    }

    @Test(arguments: [
        apiKey, apiKey + "\n", "  " + apiKey.prefix(20) + "\r\n" + apiKey.dropFirst(20), String(apiKey.dropLast()),
    ])
    func acceptsTheFormsOfAnAPIKey(text: String) throws {
        let transport = kms { _, _ in answer(404) }
        try FortanixDSM(transport: transport).authenticate(Secret(text), deadline: soon)
        #expect(transport.requests.first?.authorization?.text == "Basic " + apiKey)
    }

    @Test func anAppWithACertificateHasNoSecret() throws {
        let transport = kms { _, _ in answer(404) }
        let app = "11111111-2222-3333-4444-555555555555"
        try FortanixDSM(transport: transport, appID: app).authenticate(Secret(""), deadline: soon)
        // base64 of the app and a colon.
        #expect(
            transport.requests.first?.authorization?.text
                == "Basic MTExMTExMTEtMjIyMi0zMzMzLTQ0NDQtNTU1NTU1NTU1NTU1Og==")
        // An API key comes first.
        try FortanixDSM(transport: transport, appID: app).authenticate(Secret(apiKey), deadline: soon)
        #expect(transport.requests.last?.authorization?.text == "Basic " + apiKey)
    }

    @Test func acceptsTheURLSafeAlphabet() throws {
        // base64 of "11111111-2222-3333-4444-555555555555:~~~???" in both alphabets.
        let standard = "MTExMTExMTEtMjIyMi0zMzMzLTQ0NDQtNTU1NTU1NTU1NTU1On5+fj8/Pw=="
        let transport = kms { _, _ in answer(404) }
        let backend = FortanixDSM(transport: transport)
        let safe = standard.utf8.map {
            $0 == UInt8(ascii: "+") ? UInt8(ascii: "-") : $0 == UInt8(ascii: "/") ? 0x5F : $0
        }
        try backend.authenticate(Secret(safe), deadline: soon)
        #expect(transport.requests.first?.authorization?.text == "Basic " + standard)
        #expect(backend.entityID == "11111111-2222-3333-4444-555555555555")
    }

    @Test(arguments: [
        "", "1234", "canary secret", "Y2FuYXJ5OmNhbmFyeQ==", "canary\u{0}", String(apiKey.prefix(31)), "ä",
    ])
    func refusesWhatIsNoAPIKeyWithoutAsking(text: String) {
        let transport = kms { _, _ in answer(404) }
        let error = #expect(throws: BackendError.self) {
            try FortanixDSM(transport: transport).authenticate(Secret(text), deadline: soon)
        }
        #expect(error?.kind == .unauthenticated)
        #expect(error?.message.contains("canary") == false)
        #expect(transport.requests.isEmpty)
    }

    @Test func keepsTheTokenAndSendsItAsBearer() throws {
        let transport = kms { _, _ in answer(200, #"{"signature":"AQID"}"#) }
        let backend = FortanixDSM(transport: transport)
        try backend.authenticate(Secret(apiKey), deadline: soon)
        for _ in 0..<3 { #expect(try sign(backend) == [1, 2, 3]) }
        #expect(transport.count(path.auth) == 1)
        #expect(transport.requests.last?.authorization?.text == "Bearer token-0")
    }

    @Test(arguments: [401, 403])
    func logsInAgainOnceWhenTheSessionIsLost(status: Int) throws {
        let transport = kms { request, _ in
            request.authorization?.text == "Bearer token-1"
                ? answer(200, #"{"signature":"AQID"}"#) : answer(status, "Session does not exist", type: "text/plain")
        }
        let backend = FortanixDSM(transport: transport)
        try backend.authenticate(Secret(apiKey), deadline: soon)
        #expect(try sign(backend) == [1, 2, 3])
        #expect(transport.count(path.auth) == 2)
        #expect(transport.count(path.sign) == 2)
    }

    @Test func givesUpAfterOneRenewal() throws {
        let transport = kms { _, _ in answer(401, "Session does not exist") }
        let backend = FortanixDSM(transport: transport)
        try backend.authenticate(Secret(apiKey), deadline: soon)
        let error = #expect(throws: BackendError.self) { try sign(backend) }
        #expect(error?.kind == .unauthenticated)
        #expect(transport.count(path.auth) == 2)
        #expect(transport.count(path.sign) == 2)
    }

    @Test func doesNotRenewForAMissingPermission() throws {
        let transport = kms { _, _ in answer(403, "Requested operation is not allowed with this key") }
        let backend = FortanixDSM(transport: transport)
        try backend.authenticate(Secret(apiKey), deadline: soon)
        let error = #expect(throws: BackendError.self) { try sign(backend) }
        #expect(error?.kind == .forbidden)
        #expect(error?.message == "sign: 403 Requested operation is not allowed with this key")
        #expect(transport.count(path.auth) == 1)
    }

    @Test func manyThreadsShareOneRenewal() throws {
        let transport = ScriptedTransport { (request, count) throws(TransportError) in
            guard request.path != path.auth else {
                usleep(50_000)
                return login(token: "token-\(count)")
            }
            return request.authorization?.text == "Bearer token-1"
                ? answer(200, #"{"signature":"AQID"}"#) : answer(401, "Session does not exist")
        }
        let backend = FortanixDSM(transport: transport)
        try backend.authenticate(Secret(apiKey), deadline: soon)
        let results = Locked<[Bool]>([])
        Thread.run(8) {
            let isSigned = (try? sign(backend)) == [1, 2, 3]
            results.withLock { $0.append(isSigned) }
        }
        #expect(results.withLock { $0 } == Array(repeating: true, count: 8))
        #expect(transport.count(path.auth) == 2)
    }

    @Test func aRefusedRenewalIsNotRepeatedAtOnce() throws {
        let transport = ScriptedTransport { (request, count) throws(TransportError) in
            guard request.path == path.auth else { return answer(401, "Session does not exist") }
            return count == 0 ? login(token: "t") : answer(401, "Invalid credentials")
        }
        let backend = FortanixDSM(transport: transport)
        try backend.authenticate(Secret(apiKey), deadline: soon)
        for _ in 0..<5 {
            let error = #expect(throws: BackendError.self) { try sign(backend) }
            #expect(error?.kind == .unauthenticated)
        }
        #expect(transport.count(path.auth) == 2)
    }

    @Test func aNewTokenIsFetchedBeforeTheOldOneExpires() throws {
        let transport = ScriptedTransport { (request, count) throws(TransportError) in
            request.path == path.auth
                ? login(token: "token-\(count)", expiresIn: 1) : answer(200, #"{"signature":"AQID"}"#)
        }
        let backend = FortanixDSM(transport: transport)
        try backend.authenticate(Secret(apiKey), deadline: soon)
        _ = try sign(backend)
        usleep(850_000)
        _ = try sign(backend)
        #expect(transport.count(path.auth) == 2)
        #expect(transport.requests.last?.authorization?.text == "Bearer token-1")
    }

    @Test func whileATokenIsRenewedInTimeTheOthersGoOnWithIt() throws {
        let renews = Locked(false)
        let transport = ScriptedTransport { (request, count) throws(TransportError) in
            guard request.path == path.auth else { return answer(200, #"{"signature":"AQID"}"#) }
            if count > 0 {
                renews.withLock { $0 = true }
                usleep(300_000)
            }
            return login(token: "token-\(count)", expiresIn: 3)
        }
        let backend = FortanixDSM(transport: transport)
        try backend.authenticate(Secret(apiKey), deadline: soon)
        usleep(2_420_000)
        let thread = try #require(Thread.start { _ = try? sign(backend) })
        while !renews.withLock({ $0 }) { usleep(1_000) }
        let began = Deadline.now
        #expect(try sign(backend) == [1, 2, 3])
        #expect(Deadline.now - began < 250_000_000)
        #expect(transport.requests.last?.authorization?.text == "Bearer token-0")
        pthread_join(thread, nil)
        #expect(transport.requests.last?.authorization?.text == "Bearer token-1")
    }

    @Test func aTokenThatCannotBeRenewedYetIsUsedToItsEnd() throws {
        let transport = ScriptedTransport { (request, count) throws(TransportError) in
            guard request.path == path.auth else { return answer(200, #"{"signature":"AQID"}"#) }
            guard count == 0 else { return answer(503, "starting") }
            return login(token: "token-0", expiresIn: 2)
        }
        let backend = FortanixDSM(transport: transport)
        try backend.authenticate(Secret(apiKey), deadline: soon)
        usleep(1_650_000)
        #expect(try sign(backend) == [1, 2, 3])
        #expect(transport.count(path.auth) == 2)
        #expect(transport.requests.last?.authorization?.text == "Bearer token-0")
    }

    @Test func afterSignOutNothingIsKept() throws {
        let transport = kms { _, _ in answer(200, #"{"signature":"AQID"}"#) }
        let backend = FortanixDSM(transport: transport)
        try backend.authenticate(Secret(apiKey), deadline: soon)
        backend.signOut(deadline: soon)
        #expect(transport.requests.last?.path == path.terminate)
        #expect(transport.requests.last?.authorization?.text == "Bearer token-0")
        let error = #expect(throws: BackendError.self) { try sign(backend) }
        #expect(error?.kind == .unauthenticated)
        #expect(transport.count(path.sign) == 0)
    }

    @Test func aFailedLoginLeavesTheOldSession() throws {
        let transport = ScriptedTransport { (request, count) throws(TransportError) in
            guard request.path == path.auth else { return answer(200, #"{"signature":"AQID"}"#) }
            return count == 0 ? login(token: "t") : answer(401, "Invalid credentials")
        }
        let backend = FortanixDSM(transport: transport)
        try backend.authenticate(Secret(apiKey), deadline: soon)
        let error = #expect(throws: BackendError.self) { try backend.authenticate(Secret(apiKey), deadline: soon) }
        #expect(error?.message == "login: 401 Invalid credentials")
        #expect(try sign(backend) == [1, 2, 3])
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"token_type":"Cookie","expires_in":1,"entity_id":"e"}"#,
        #"{"token_type":"Bearer","expires_in":1,"entity_id":"e","access_token":"canary\r\nX: y"}"#,
        #"{"token_type":"Bearer","expires_in":"soon","entity_id":"e","access_token":"canary"}"#,
    ])
    func anUnusableLoginAnswerIsAProtocolViolation(body: String) {
        let backend = FortanixDSM(transport: ScriptedTransport { _, _ in answer(200, body) })
        let error = #expect(throws: BackendError.self) { try backend.authenticate(Secret(apiKey), deadline: soon) }
        #expect(error?.kind == .protocolViolation)
        #expect(error?.message.contains("canary") == false)
    }

    @Test func warmUpNeedsNoNetwork() { BackendTable.warmUp() }
}

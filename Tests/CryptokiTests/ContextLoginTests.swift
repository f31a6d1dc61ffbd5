import CPKCS11
import Cryptoki
import KMSBackend
import KMSSupport
import Testing

@Suite("CKU_CONTEXT_SPECIFIC and CKA_ALWAYS_AUTHENTICATE")
struct ContextLoginTests {
    private let rig: Rig
    private let pair: (publicKey: CK_OBJECT_HANDLE, privateKey: CK_OBJECT_HANDLE)
    private let ecdsa = TestMechanism(CKM_ECDSA_SHA256)

    init() throws {
        rig = try Rig()
        pair = try rig.pair(token: true, private: [TestAttribute(CKA_ALWAYS_AUTHENTICATE, true)])
    }

    private func login(_ pin: String, _ session: Session? = nil) throws {
        try withInput(Array(pin.utf8)) { try (session ?? rig.session).login(CKU_CONTEXT_SPECIFIC, pin: $0) }
    }

    private func initialise() throws { try ecdsa.with { try rig.session.signInit($0, key: pair.privateKey) } }
    private func sign(room: Int = 64) throws -> [UInt8] {
        try withInput([1]) { input in try collect(room: room) { try rig.session.sign(input, into: $0) } }
    }

    @Test("Every signature asks for the PIN, a size query and a small buffer do not")
    func everyTime() throws {
        for _ in 0..<2 {
            try initialise()
            #expect(try withInput([1]) { input in try length { try rig.session.sign(input, into: $0) } } == 64)
            try login("right")
            expect(CKR_BUFFER_TOO_SMALL) { _ = try sign(room: 1) }
            #expect(try sign().count == 64)
        }
        try initialise()
        expect(CKR_USER_NOT_LOGGED_IN) { _ = try sign() }
        #expect(rig.backend.calls.filter { $0 == .sign }.count == 2)
        #expect(rig.backend.state.withLock { $0.authentications } == 1)
    }

    @Test("Parts ask for it too")
    func parts() throws {
        try initialise()
        expect(CKR_USER_NOT_LOGGED_IN) { try withInput([1]) { try rig.session.signUpdate($0) } }
        try initialise()
        try login("right")
        try withInput([1]) { try rig.session.signUpdate($0) }
        #expect(try collect { try rig.session.signFinal(into: $0) }.count == 64)
    }

    @Test("A wrong PIN does not help and harms nothing")
    func wrongPIN() throws {
        try initialise()
        expect(CKR_PIN_INCORRECT) { try login("wrong") }
        expect(CKR_PIN_INCORRECT) { try login("") }
        try login("right")
        #expect(try sign().count == 64)
    }

    @Test("Without an operation that waits for it there is nothing to log in for")
    func withoutOperation() throws {
        expect(CKR_OPERATION_NOT_INITIALIZED) { try login("right") }
        try initialise()
        expect(CKR_OPERATION_NOT_INITIALIZED) { try login("right", rig.session(2)) }
        let other = try rig.pair(token: true)
        let session = rig.session(3)
        try ecdsa.with { try session.signInit($0, key: other.privateKey) }
        expect(CKR_OPERATION_NOT_INITIALIZED) { try login("right", session) }
    }

    @Test("User types and names that the token does not have")
    func otherUsers() throws {
        for user in [CKU_SO, 9] {
            expect(CKR_USER_TYPE_INVALID) {
                try withInput(Array("right".utf8)) { try rig.session.login(user, pin: $0) }
            }
        }
        try rig.token.logout()
        expect(CKR_ARGUMENTS_BAD) {
            try withInput(Array("right".utf8)) { try rig.session.login(CKU_USER, pin: $0, hasUsername: true) }
        }
        try withInput(Array("right".utf8)) { try rig.session.login(CKU_USER, pin: $0, hasUsername: false) }
        #expect(rig.token.login.isLoggedIn)
    }
}

@Suite("Whether the KMS is there")
struct HealthTests {
    @Test("A KMS that answers anything is there")
    func reachable() throws {
        let rig = try Rig(isLoggedIn: false)
        let deadline = Deadline(milliseconds: 1_000)
        #expect(rig.token.isReachable(by: deadline))
        for kind in [BackendError.Kind.unavailable, .timedOut, .protocolViolation] {
            rig.backend.fail(.health, kind)
            #expect(!rig.token.isReachable(by: deadline))
        }
        for kind in [BackendError.Kind.unauthenticated, .forbidden, .throttled, .unsupported, .notFound] {
            rig.backend.fail(.health, kind)
            #expect(rig.token.isReachable(by: deadline))
        }
    }
}

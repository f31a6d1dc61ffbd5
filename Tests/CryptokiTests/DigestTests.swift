import CPKCS11
import Cryptoki
import KMSBackend
import Testing

@Suite("Digests and their state")
struct DigestTests {
    private let rig: Rig
    private var session: Session { rig.session }
    private let abc = bytes(hex: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")

    init() throws { rig = try Rig(isLoggedIn: false) }

    private func initialise(_ session: Session? = nil) throws {
        try TestMechanism(CKM_SHA256).with { try (session ?? self.session).digestInit($0) }
    }

    private func update(_ text: String, _ session: Session? = nil) throws {
        try withInput(Array(text.utf8)) { try (session ?? self.session).digestUpdate($0) }
    }

    private func final(_ session: Session? = nil) throws -> [UInt8] {
        try collect { try (session ?? self.session).digestFinal(into: $0) }
    }

    private func restore(_ state: [UInt8], _ session: Session, key: CK_OBJECT_HANDLE = 0) throws {
        try withInput(state) { try session.setState($0, encryptionKey: key, authenticationKey: 0) }
    }

    @Test("A saved digest goes on in another session, more than once")
    func saved() throws {
        try initialise()
        try update("a")
        let needed = try length { try session.getState(into: $0) }
        expect(CKR_BUFFER_TOO_SMALL) { _ = try collect(room: needed - 1) { try session.getState(into: $0) } }
        let state = try collect(room: needed) { try session.getState(into: $0) }
        // What was saved is still there.
        try update("bc")
        #expect(try final() == abc)
        for _ in 0..<2 {
            let other = rig.session(2)
            try restore(state, other)
            try update("bc", other)
            #expect(try final(other) == abc)
        }
    }

    @Test("Restoring replaces what is active")
    func replaces() throws {
        try initialise()
        let empty = try collect { try session.getState(into: $0) }
        try update("something else")
        try session.findInit(template())
        try restore(empty, session)
        expect(CKR_OPERATION_NOT_INITIALIZED) { try session.findFinal() }
        try update("abc")
        #expect(try final() == abc)
    }

    @Test("Without a digest, or beside another operation, there is no state")
    func unsaveable() throws {
        expect(CKR_OPERATION_NOT_INITIALIZED) { _ = try collect { try session.getState(into: $0) } }
        let key = try rig.aes(token: false, [TestAttribute(CKA_PRIVATE, false)])
        try initialise()
        try TestMechanism.gcm().with { try session.encryptInit($0, key: key) }
        expect(CKR_STATE_UNSAVEABLE) { _ = try collect { try session.getState(into: $0) } }
        session.cancel(CKF_ENCRYPT)
        let long = [UInt8](repeating: 1, count: 65_536)
        try withInput(long) { try session.digestUpdate($0) }
        #expect(try collect(room: 1 << 17) { try session.getState(into: $0) }.count > 65_536)
        try update("x")
        expect(CKR_STATE_UNSAVEABLE) { _ = try collect(room: 1 << 17) { try session.getState(into: $0) } }
        #expect(try final().count == 32)
    }

    @Test("States that are none are refused, and what is active stays")
    func invalid() throws {
        try initialise()
        try update("a")
        let state = try collect { try session.getState(into: $0) }
        var otherMechanism = state
        otherMechanism[state.count - 9] = 0x7F
        let tooLong = state + [UInt8](repeating: 0, count: 70_000)
        for wrong in [[], Array(state.prefix(20)), Array(state.prefix(24)), [0] + state, otherMechanism, tooLong] {
            expect(CKR_SAVED_STATE_INVALID) { try restore(wrong, session) }
        }
        expect(CKR_KEY_NOT_NEEDED) { try restore(state, session, key: 5) }
        try update("bc")
        #expect(try final() == abc)
    }

    @Test("The value of a key is digested only when it may be read")
    func digestKey() throws {
        let readable = [TestAttribute(CKA_EXTRACTABLE, true), TestAttribute(CKA_SENSITIVE, false)]
        try rig.login()
        for isToken in [true, false] {
            let key = try rig.aes(token: isToken, Array("abcabcabcabcabca".utf8), readable)
            try initialise()
            try session.digestKey(key)
            let value = try final()
            try initialise()
            try update("abcabcabcabcabca")
            #expect(try final() == value)
            let secret = try rig.aes(token: isToken, [TestAttribute(CKA_SENSITIVE, true)])
            try initialise()
            expect(CKR_KEY_INDIGESTIBLE) { try session.digestKey(secret) }
            session.cancel(CKF_DIGEST)
        }
        try initialise()
        expect(CKR_KEY_HANDLE_INVALID) { try session.digestKey(4_711) }
    }

    @Test("Dual functions are two operations over the same data")
    func dual() throws {
        try rig.login()
        let key = try rig.aes(token: false)
        expect(CKR_OPERATION_NOT_INITIALIZED) {
            _ = try withInput([1]) { part in try collect { try session.digestEncryptUpdate(part, into: $0) } }
        }
        let data = CipherTests.data(64)
        try initialise()
        try TestMechanism.cbcPad().with { try session.encryptInit($0, key: key) }
        expect(CKR_BUFFER_TOO_SMALL) {
            _ = try withInput(data) { part in try collect(room: 63) { try session.digestEncryptUpdate(part, into: $0) }
            }
        }
        var sealed = try withInput(data) { part in try collect { try session.digestEncryptUpdate(part, into: $0) } }
        sealed += try collect { try session.encryptFinal(into: $0) }
        let digest = try final()
        #expect(sealed == (try session.encrypt(.cbcPad(), key, data)))
        try initialise()
        try TestMechanism(CKM_AES_CBC, [UInt8](1...16)).with { try session.decryptInit($0, key: key) }
        let whole = try session.encrypt(TestMechanism(CKM_AES_CBC, [UInt8](1...16)), key, data)
        let plain = try withInput(whole) { part in try collect { try session.decryptDigestUpdate(part, into: $0) } }
        #expect(plain == data)
        #expect(try final() == digest)
    }
}

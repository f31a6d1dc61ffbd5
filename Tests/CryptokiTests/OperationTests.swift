import CPKCS11
import Cryptoki
import KMSBackend
import Testing

/// The states of an operation (sections 5.2 and 5.6.6), here of an HMAC, an encryption and a digest.
@Suite("Operations of a session")
struct OperationTests {
    private let rig: Rig
    private let key: CK_OBJECT_HANDLE
    private var session: Session { rig.session }
    private let hmac = TestMechanism(CKM_SHA256_HMAC)

    init() throws {
        rig = try Rig()
        key = try rig.create([
            TestAttribute(CKA_CLASS, CKO_SECRET_KEY), TestAttribute(CKA_KEY_TYPE, CKK_GENERIC_SECRET),
            TestAttribute(CKA_TOKEN, true), TestAttribute(CKA_LABEL, "mac"), TestAttribute(CKA_VALUE, Rig.keyValue),
        ])
    }

    private func initialise() throws { try hmac.with { try session.signInit($0, key: key) } }
    private func update(_ data: [UInt8] = [1]) throws { try withInput(data) { try session.signUpdate($0) } }
    private func final(room: Int = 32) throws -> [UInt8] { try collect(room: room) { try session.signFinal(into: $0) } }
    private func sign(_ data: [UInt8] = [1], room: Int = 32) throws -> [UInt8] {
        try withInput(data) { input in try collect(room: room) { try session.sign(input, into: $0) } }
    }

    @Test("Without an Init there is nothing to work with")
    func notInitialised() throws {
        expect(CKR_OPERATION_NOT_INITIALIZED) { _ = try sign() }
        expect(CKR_OPERATION_NOT_INITIALIZED) { try update() }
        expect(CKR_OPERATION_NOT_INITIALIZED) { _ = try final() }
        expect(CKR_OPERATION_NOT_INITIALIZED) { _ = try collect { try session.encryptFinal(into: $0) } }
        expect(CKR_OPERATION_NOT_INITIALIZED) { _ = try collect { try session.decryptFinal(into: $0) } }
        expect(CKR_OPERATION_NOT_INITIALIZED) { _ = try collect { try session.digestFinal(into: $0) } }
        expect(CKR_OPERATION_NOT_INITIALIZED) {
            try withInput([1]) { input in try session.verify(input, signature: input) }
        }
        expect(CKR_OPERATION_NOT_INITIALIZED) { _ = try session.find(atMost: 1) }
        expect(CKR_OPERATION_NOT_INITIALIZED) { try session.findFinal() }
    }

    @Test("One operation of a kind at a time, any number of kinds")
    func active() throws {
        try initialise()
        expect(CKR_OPERATION_ACTIVE) { try initialise() }
        try hmac.with { try session.verifyInit($0, key: key) }
        try TestMechanism(CKM_SHA256).with { try session.digestInit($0) }
        expect(CKR_OPERATION_ACTIVE) { try TestMechanism(CKM_SHA_1).with { try session.digestInit($0) } }
        try session.findInit(template())
        expect(CKR_OPERATION_ACTIVE) { try session.findInit(template()) }
        #expect(try sign() == (try reference()))
    }

    /// The same in one part, in another session.
    private func reference(_ data: [UInt8] = [1]) throws -> [UInt8] { try rig.session(9).sign(hmac, key, data) }

    @Test("Size query and small buffer keep the operation and what it has seen")
    func smallBuffer() throws {
        try initialise()
        #expect(try withInput([1]) { input in try length { try session.sign(input, into: $0) } } == 32)
        expect(CKR_BUFFER_TOO_SMALL) { _ = try sign(room: 31) }
        try update([1])
        #expect(try length { try session.signFinal(into: $0) } == 32)
        expect(CKR_BUFFER_TOO_SMALL) { _ = try final(room: 0) }
        #expect(!rig.backend.calls.contains(.mac))
        try update([2])
        #expect(try final() == (try reference([1, 2])))
        expect(CKR_OPERATION_NOT_INITIALIZED) { _ = try final() }
    }

    @Test("After the first part there is no going back to one part")
    func partsAndWhole() throws {
        try initialise()
        try update()
        expect(CKR_OPERATION_ACTIVE) { _ = try sign() }
        // It goes on all the same.
        #expect(try final() == (try reference()))
    }

    @Test("An error ends the operation")
    func error() throws {
        for kind in [BackendError.Kind.unavailable, .forbidden, .notFound] {
            try initialise()
            rig.backend.fail(.mac, kind)
            #expect(throws: CKError.self) { _ = try sign() }
            expect(CKR_OPERATION_NOT_INITIALIZED) { _ = try sign() }
        }
        rig.backend.fail(.mac, nil)
        try initialise()
        expect(CKR_ARGUMENTS_BAD) { try session.signUpdate(Input(raw: nil, 5)) }
        expect(CKR_OPERATION_NOT_INITIALIZED) { try update() }
    }

    @Test("C_SessionCancel ends what its flags name and nothing else")
    func cancel() throws {
        try initialise()
        try TestMechanism(CKM_SHA256).with { try session.digestInit($0) }
        session.cancel(CKF_DIGEST | CKF_ENCRYPT | CKF_VERIFY)
        expect(CKR_OPERATION_NOT_INITIALIZED) { _ = try collect { try session.digestFinal(into: $0) } }
        try update()
        session.cancel(CKF_SIGN)
        expect(CKR_OPERATION_NOT_INITIALIZED) { _ = try final() }
        session.cancel(CKF_SIGN)
        try session.findInit(template())
        session.cancel(CKF_FIND_OBJECTS)
        expect(CKR_OPERATION_NOT_INITIALIZED) { try session.findFinal() }
    }

    @Test("What is cancelled while it works does not come back")
    func cancelDuringWork() throws {
        let aes = try rig.aes(token: true)
        try TestMechanism.cbcPad().with { try session.encryptInit($0, key: aes) }
        rig.backend.meanwhile { [session] call in if call == .encrypt { session.cancel(~0) } }
        // The call itself goes through, but its answer does not fit, so it would keep the operation.
        expect(CKR_BUFFER_TOO_SMALL) {
            _ = try withInput([1]) { input in try collect(room: 1) { try session.encrypt(input, into: $0) } }
        }
        rig.backend.meanwhile(nil)
        expect(CKR_OPERATION_NOT_INITIALIZED) { _ = try collect { try session.encryptFinal(into: $0) } }
    }

    @Test("An operation that begins while a cancelled one works is not disturbed by it")
    func successor() throws {
        let aes = try rig.aes(token: true)
        try TestMechanism.cbcPad().with { try session.encryptInit($0, key: aes) }
        rig.backend.meanwhile { [session] call in
            guard call == .encrypt else { return }
            session.cancel(CKF_ENCRYPT)
            try? TestMechanism.gcm().with { try session.encryptInit($0, key: aes) }
        }
        expect(CKR_BUFFER_TOO_SMALL) {
            _ = try withInput([1]) { input in try collect(room: 1) { try session.encrypt(input, into: $0) } }
        }
        rig.backend.meanwhile(nil)
        let sealed = try withInput([1, 2, 3]) { input in try collect { try session.encrypt(input, into: $0) } }
        #expect(sealed.count == 3 + 16)
    }

    @Test("C_Logout takes the key away from an operation that waits")
    func logout() throws {
        try initialise()
        try rig.token.logout()
        rig.backend.state.withLock { $0.failures[.mac] = BackendError(.unauthenticated, "signed out") }
        expect(CKR_USER_NOT_LOGGED_IN) { _ = try sign() }
    }
}

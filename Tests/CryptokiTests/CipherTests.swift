import CPKCS11
import Cryptoki
import KMSBackend
import Testing

/// The pieces in which data goes to the KMS.
private let pieceLength = 256 << 10

@Suite("Encryption with keys of the KMS and of the session")
struct CipherTests {
    private let rig: Rig
    /// The same key twice: at the KMS, and in this process.
    private let remote: CK_OBJECT_HANDLE
    private let local: CK_OBJECT_HANDLE
    private var session: Session { rig.session }

    init() throws {
        rig = try Rig()
        remote = try rig.aes(token: true)
        local = try rig.aes(token: false)
        rig.backend.forgetCalls()
    }

    static func data(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

    /// Data in parts, each with so much room; what C_…Update and C_…Final gave.
    private func inParts(
        _ mechanism: TestMechanism, _ key: CK_OBJECT_HANDLE, _ data: [UInt8], part: Int, room: Int = 4 << 20,
        decrypting: Bool = false
    ) throws -> (updates: [[UInt8]], final: [UInt8]) {
        try mechanism.with {
            if decrypting { try session.decryptInit($0, key: key) } else { try session.encryptInit($0, key: key) }
        }
        var updates: [[UInt8]] = []
        for start in stride(from: 0, to: data.count, by: part) {
            let bytes = Array(data[start..<min(start + part, data.count)])
            updates.append(
                try withInput(bytes) { input in
                    try collect(room: room) {
                        if decrypting {
                            try session.decryptUpdate(input, into: $0)
                        } else {
                            try session.encryptUpdate(input, into: $0)
                        }
                    }
                })
        }
        let final = try collect(room: 4 << 20) {
            if decrypting { try session.decryptFinal(into: $0) } else { try session.encryptFinal(into: $0) }
        }
        return (updates, final)
    }

    static var mechanisms: [TestMechanism] {
        [
            .cbcPad(), .gcm(associated: [1, 2]), .counter(bits: 128, [UInt8](1...16)),
            TestMechanism(CKM_AES_CBC, [UInt8](1...16)),
        ]
    }

    @Test("In one part it is one request; in parts each gives at once what it gives in this process")
    func parts() throws {
        for mechanism in Self.mechanisms {
            rig.backend.forgetCalls()
            let data = Self.data(160)
            let whole = try session.encrypt(mechanism, remote, data)
            #expect(try session.decrypt(mechanism, remote, whole) == data)
            #expect(rig.backend.calls == [.encrypt, .decrypt])
            #expect(try session.encrypt(mechanism, local, data) == whole)
            rig.backend.forgetCalls()
            for part in [16, 32, 23] {
                let parts = try inParts(mechanism, remote, data, part: part)
                let own = try inParts(mechanism, local, data, part: part)
                #expect(parts.updates == own.updates && parts.final == own.final)
                #expect(parts.updates.reduce([], +) + parts.final == whole)
                let opened = try inParts(mechanism, remote, whole, part: part, decrypting: true)
                let ownOpened = try inParts(mechanism, local, whole, part: part, decrypting: true)
                #expect(opened.updates == ownOpened.updates && opened.final == ownOpened.final)
                #expect(opened.updates.reduce([], +) + opened.final == data)
            }
            #expect(!rig.backend.calls.contains(.encrypt) && !rig.backend.calls.contains(.decrypt))
        }
    }

    @Test("ECB goes on block by block without the multi-part requests, which KMSs do not have for it")
    func electronicCodeBook() throws {
        let mechanism = TestMechanism(CKM_AES_ECB)
        let data = Self.data(pieceLength + 64)
        let whole = try session.encrypt(mechanism, local, data)
        #expect(try session.encrypt(mechanism, remote, data) == whole)
        let parts = try inParts(mechanism, remote, data, part: 50_000)
        #expect(parts.updates.allSatisfy { !$0.isEmpty } && parts.final.isEmpty)
        #expect(parts.updates.reduce([], +) == whole)
        #expect(Set(rig.backend.calls) == [.encrypt])
    }

    @Test("Long data goes in pieces, and gives what it gives in this process")
    func pieces() throws {
        for mechanism in Self.mechanisms {
            rig.backend.forgetCalls()
            let data = Self.data(pieceLength * 2 + 160)
            let expected = try session.encrypt(mechanism, local, data)
            #expect(rig.backend.calls.isEmpty)
            #expect(try session.encrypt(mechanism, remote, data) == expected)
            #expect(rig.backend.state.withLock { $0.pieces } == [pieceLength, pieceLength, 160])
            rig.backend.forgetCalls()
            let parts = try inParts(mechanism, remote, data, part: 100_000)
            #expect(parts.updates.reduce([], +) + parts.final == expected)
            #expect(rig.backend.state.withLock { $0.pieces }.allSatisfy { $0 <= pieceLength })
            #expect(rig.backend.calls.first == .stream && rig.backend.calls.last == .streamFinish)
            let plain = try inParts(mechanism, remote, expected, part: 99_991, decrypting: true)
            #expect(plain.updates.reduce([], +) + plain.final == data)
            let own = try inParts(mechanism, local, expected, part: 99_991, decrypting: true)
            #expect(own.updates.reduce([], +) + own.final == data)
        }
    }

    @Test("A part that the caller has no room for has not happened", arguments: [true, false])
    func littleRoom(isLocal: Bool) throws {
        let data = Self.data(100)
        try TestMechanism.cbcPad().with { try session.encryptInit($0, key: isLocal ? local : remote) }
        #expect(try withInput(data) { input in try length { try session.encryptUpdate(input, into: $0) } } == 96)
        expect(CKR_BUFFER_TOO_SMALL) {
            _ = try withInput(data) { input in try collect(room: 95) { try session.encryptUpdate(input, into: $0) } }
        }
        #expect(rig.backend.calls.isEmpty)
        var sealed = try withInput(data) { input in
            try collect(room: 96) { try session.encryptUpdate(input, into: $0) }
        }
        sealed += try collect(room: 16) { try session.encryptFinal(into: $0) }
        #expect(try session.decrypt(.cbcPad(), local, sealed) == data)
    }

    @Test("GCM shows nothing before the tag is verified", arguments: [true, false])
    func unverified(isLocal: Bool) throws {
        let key = isLocal ? local : remote
        for count in [100, pieceLength * 2 + 5] {
            let data = Self.data(count)
            var sealed = try session.encrypt(.gcm(), local, data)
            let good = try inParts(.gcm(), key, sealed, part: 70_000, decrypting: true)
            #expect(good.updates.allSatisfy { $0.isEmpty } && good.final == data)
            for position in [0, sealed.count - 1] {
                sealed[position] ^= 1
                expect(CKR_ENCRYPTED_DATA_INVALID) {
                    _ = try inParts(.gcm(), key, sealed, part: 70_000, decrypting: true)
                }
                var buffer = [UInt8](repeating: 0xEE, count: sealed.count)
                var room = CK_ULONG(buffer.count)
                try TestMechanism.gcm().with { try session.decryptInit($0, key: key) }
                expect(CKR_ENCRYPTED_DATA_INVALID) {
                    try withInput(sealed) { try session.decrypt($0, into: Output(&buffer, &room)) }
                }
                #expect(buffer.allSatisfy { $0 == 0xEE })
                sealed[position] ^= 1
            }
        }
    }

    @Test("A session's own key answers at once; decryption in place needs no more room than there is input")
    func localParts() throws {
        let data = Self.data(96)
        let sealed = try session.encrypt(.cbcPad(), local, data)
        let parts = try inParts(.cbcPad(), local, data, part: 32, room: 32)
        #expect(parts.updates.map(\.count) == [32, 32, 32] && parts.final.count == 16)
        #expect(parts.updates.reduce([], +) + parts.final == sealed)
        let plain = try inParts(.cbcPad(), local, sealed, part: 28, room: 32, decrypting: true)
        #expect(plain.updates.reduce([], +) + plain.final == data)
        let inPlace = try inParts(.cbcPad(), local, sealed, part: 32, room: 32, decrypting: true)
        #expect(inPlace.updates.reduce([], +) + inPlace.final == data)
        #expect(rig.backend.calls.isEmpty)
    }

    @Test("A buffer that is too small at the end costs no second request in parts")
    func repeatedFinal() throws {
        try TestMechanism.cbcPad().with { try session.encryptInit($0, key: remote) }
        var sealed = try withInput(Self.data(20)) { input in
            try collect { try session.encryptUpdate(input, into: $0) }
        }
        #expect(try length { try session.encryptFinal(into: $0) } == 16)
        expect(CKR_BUFFER_TOO_SMALL) { _ = try collect(room: 15) { try session.encryptFinal(into: $0) } }
        sealed += try collect(room: 16) { try session.encryptFinal(into: $0) }
        #expect(try session.decrypt(.cbcPad(), local, sealed) == Self.data(20))
        #expect(rig.backend.calls.filter { $0 == .streamFinish }.count == 1)
    }

    @Test("A KMS that goes away in the middle ends the operation", arguments: [FakeBackend.Call.stream, .streamUpdate])
    func failure(call: FakeBackend.Call) throws {
        rig.backend.fail(call, .unavailable)
        try TestMechanism.cbcPad().with { try session.encryptInit($0, key: remote) }
        expect(CKR_DEVICE_ERROR) {
            _ = try withInput(Self.data(pieceLength + 16)) { input in
                try collect(room: 1 << 20) { try session.encryptUpdate(input, into: $0) }
            }
        }
        expect(CKR_OPERATION_NOT_INITIALIZED) { _ = try collect { try session.encryptFinal(into: $0) } }
    }
}

@Suite("Lengths of data, IVs, counters and tags")
struct CipherLengthTests {
    @Test(
        "Data of an impossible length is refused in one part, before the KMS is asked, and at the end of several",
        arguments: [
            (CKM_AES_ECB, 0, [1, 15, 17], [1, 15, 17]), (CKM_AES_CBC, 16, [1, 15, 17], [1, 15, 17]),
            (CKM_AES_CBC_PAD, 16, [], [0, 1, 15, 17]), (CKM_AES_KEY_WRAP, 0, [0, 8, 15, 17], [0, 16, 23, 25]),
            (CKM_AES_KEY_WRAP_KWP, 0, [0], [0, 8, 15, 17]),
        ])
    func lengths(type: CK_MECHANISM_TYPE, iv: Int, notEncrypted: [Int], notDecrypted: [Int]) throws {
        let rig = try Rig()
        let mechanism = TestMechanism(type, [UInt8](repeating: 3, count: iv))
        for isToken in [true, false] {
            let key = try rig.aes(token: isToken)
            for count in notEncrypted {
                let data = CipherTests.data(count)
                rig.backend.forgetCalls()
                expect(CKR_DATA_LEN_RANGE) { _ = try rig.session.encrypt(mechanism, key, data) }
                #expect(rig.backend.calls.isEmpty)
                try mechanism.with { try rig.session.encryptInit($0, key: key) }
                expect(CKR_DATA_LEN_RANGE) {
                    _ = try withInput(data) { input in try collect { try rig.session.encryptUpdate(input, into: $0) } }
                    _ = try collect { try rig.session.encryptFinal(into: $0) }
                }
            }
            for count in notDecrypted {
                let data = CipherTests.data(count)
                rig.backend.forgetCalls()
                expect(CKR_ENCRYPTED_DATA_LEN_RANGE) { _ = try rig.session.decrypt(mechanism, key, data) }
                #expect(rig.backend.calls.isEmpty)
                try mechanism.with { try rig.session.decryptInit($0, key: key) }
                expect(CKR_ENCRYPTED_DATA_LEN_RANGE) {
                    _ = try withInput(data) { input in try collect { try rig.session.decryptUpdate(input, into: $0) } }
                    _ = try collect { try rig.session.decryptFinal(into: $0) }
                }
            }
        }
    }

    @Test("A GCM ciphertext shorter than its tag is refused")
    func shorterThanTag() throws {
        let rig = try Rig()
        let key = try rig.aes(token: true)
        expect(CKR_ENCRYPTED_DATA_LEN_RANGE) { _ = try rig.session.decrypt(.gcm(), key, CipherTests.data(15)) }
    }

    @Test("Size queries of whole operations are exact or generous, and cost nothing")
    func bounds() throws {
        let rig = try Rig()
        let key = try rig.aes(token: true)
        rig.backend.forgetCalls()
        for (mechanism, count, expected) in [
            (TestMechanism.cbcPad(), 0, 16), (.cbcPad(), 16, 32), (.gcm(tagBits: 96), 10, 22),
            (TestMechanism(CKM_AES_KEY_WRAP), 16, 24), (TestMechanism(CKM_AES_KEY_WRAP_KWP), 9, 24),
        ] {
            try mechanism.with { try rig.session.encryptInit($0, key: key) }
            let answer = try withInput(CipherTests.data(count)) { input in
                try length { try rig.session.encrypt(input, into: $0) }
            }
            #expect(answer == expected)
            rig.session.cancel(CKF_ENCRYPT)
        }
        #expect(rig.backend.calls.isEmpty)
    }

    @Test("A counter that would begin again is refused")
    func counter() throws {
        let rig = try Rig()
        let key = try rig.aes(token: false)
        let last = [UInt8](repeating: 7, count: 15) + [0xFE]
        #expect(try rig.session.encrypt(.counter(bits: 8, last), key, CipherTests.data(32)).count == 32)
        expect(CKR_DATA_LEN_RANGE) {
            _ = try rig.session.encrypt(.counter(bits: 8, last), key, CipherTests.data(33))
        }
        try TestMechanism.counter(bits: 8, last).with { try rig.session.encryptInit($0, key: key) }
        for _ in 0..<2 {
            _ = try withInput(CipherTests.data(16)) { input in
                try collect { try rig.session.encryptUpdate(input, into: $0) }
            }
        }
        expect(CKR_DATA_LEN_RANGE) {
            _ = try withInput([1]) { input in try collect { try rig.session.encryptUpdate(input, into: $0) } }
        }
        for bits in [CK_ULONG(0), 129] {
            expect(CKR_MECHANISM_PARAM_INVALID) {
                _ = try rig.session.encrypt(.counter(bits: bits, last), key, [1])
            }
        }
    }

    @Test("Parameters of a wrong size are refused by the Init")
    func parameters() throws {
        let rig = try Rig()
        let key = try rig.aes(token: false)
        let wrong = [
            TestMechanism(CKM_AES_ECB, [1]), TestMechanism(CKM_AES_CBC), TestMechanism(CKM_AES_CBC, [UInt8](1...15)),
            .cbcPad([UInt8](1...17)), TestMechanism(CKM_AES_CTR, [UInt8](1...16)), .gcm(iv: []), .gcm(tagBits: 127),
            .gcm(tagBits: 24), .gcm(tagBits: 136), .gcm(iv: [UInt8](repeating: 1, count: 129)),
            TestMechanism(CKM_AES_GCM), TestMechanism(CKM_AES_GCM, [UInt8](1...12)),
            TestMechanism(CKM_AES_KEY_WRAP, [UInt8](repeating: 0xA5, count: 8)),
        ]
        for mechanism in wrong {
            expect(CKR_MECHANISM_PARAM_INVALID) { try mechanism.with { try rig.session.encryptInit($0, key: key) } }
            expect(CKR_MECHANISM_PARAM_INVALID) { try mechanism.with { try rig.session.decryptInit($0, key: key) } }
        }
        for tagBits in [CK_ULONG(32), 64, 96, 104, 112, 120, 128] {
            let sealed = try rig.session.encrypt(.gcm(iv: [1], tagBits: tagBits), key, [5])
            #expect(sealed.count == 1 + Int(tagBits / 8))
            #expect(try rig.session.decrypt(.gcm(iv: [1], tagBits: tagBits), key, sealed) == [5])
        }
    }
}

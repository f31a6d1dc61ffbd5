import CPKCS11
import Cryptoki
import KMSBackend
import Testing

/// CK_GCM_MESSAGE_PARAMS with IV and tag in memory that the token writes to.
private final class GCMMessage {
    private let memory = CallerMemory()
    private let ivBlock: UnsafeMutableRawBufferPointer
    private let tagBlock: UnsafeMutableRawBufferPointer
    private var parameters: CK_GCM_MESSAGE_PARAMS

    init(
        iv: [UInt8], generator: CK_GENERATOR_FUNCTION = CKG_NO_GENERATE, fixedBits: CK_ULONG = 0,
        tagBits: CK_ULONG = 128
    ) {
        ivBlock = memory.place(iv)
        tagBlock = memory.place([UInt8](repeating: 0, count: 16))
        parameters = CK_GCM_MESSAGE_PARAMS(
            pIv: ivBlock.bindMemory(to: UInt8.self).baseAddress, ulIvLen: CK_ULONG(iv.count), ulIvFixedBits: fixedBits,
            ivGenerator: generator, pTag: tagBlock.bindMemory(to: UInt8.self).baseAddress, ulTagBits: tagBits)
    }

    var iv: [UInt8] { Array(ivBlock) }
    var tag: [UInt8] {
        get { Array(tagBlock.prefix(Int(parameters.ulTagBits / 8))) }
        set { tagBlock.copyBytes(from: newValue) }
    }

    func with<Result>(_ body: (Session.MessageParameter) throws -> Result) throws -> Result {
        try withUnsafeMutableBytes(of: &parameters) {
            try body(Session.MessageParameter($0.baseAddress, CK_ULONG($0.count)))
        }
    }
}

@Suite("Message-based functions")
struct MessageTests {
    private let rig: Rig
    private let key: CK_OBJECT_HANDLE
    private var session: Session { rig.session }
    private let mechanism = TestMechanism(CKM_AES_GCM)
    private let associated: [UInt8] = [9, 8]

    init() throws {
        rig = try Rig()
        key = try rig.aes(token: true)
    }

    private func begin(decrypting: Bool = false) throws {
        try mechanism.with {
            if decrypting {
                try session.messageDecryptInit($0, key: key)
            } else {
                try session.messageEncryptInit($0, key: key)
            }
        }
    }

    private func encrypt(_ message: GCMMessage, _ data: [UInt8], room: Int = 1 << 16) throws -> [UInt8] {
        try message.with { parameter in
            try withInput(associated) { associated in
                try withInput(data) { data in
                    try collect(room: room) { try session.encryptMessage(parameter, associated, data, into: $0) }
                }
            }
        }
    }

    private func decrypt(_ message: GCMMessage, _ data: [UInt8]) throws -> [UInt8] {
        try message.with { parameter in
            try withInput(associated) { associated in
                try withInput(data) { data in
                    try collect { try session.decryptMessage(parameter, associated, data, into: $0) }
                }
            }
        }
    }

    @Test("One key, many messages; tag and data are those of C_Encrypt")
    func messages() throws {
        try begin()
        expect(CKR_OPERATION_ACTIVE) { try begin() }
        for (iv, data) in [([UInt8](1...12), [UInt8]()), ([UInt8](2...13), [1, 2, 3])] {
            let message = GCMMessage(iv: iv)
            let ciphertext = try encrypt(message, data)
            let whole = try session.encrypt(.gcm(iv: iv, associated: associated), key, data)
            #expect(ciphertext + message.tag == whole)
            #expect(message.iv == iv)
        }
    }

    @Test(
        "The token makes IVs that differ, keeps the fixed bits, and tells them",
        arguments: [CKG_GENERATE, CKG_GENERATE_RANDOM])
    func generatedIV(generator: CK_GENERATOR_FUNCTION) throws {
        try begin()
        try begin(decrypting: true)
        var seen = Set<[UInt8]>()
        for _ in 0..<50 {
            let message = GCMMessage(
                iv: [0xAA, 0xBB, 0xCC, 0xDD] + [UInt8](repeating: 0, count: 8), generator: generator, fixedBits: 32)
            let ciphertext = try encrypt(message, [1, 2, 3])
            #expect(message.iv.prefix(4) == [0xAA, 0xBB, 0xCC, 0xDD])
            #expect(seen.insert(message.iv).inserted)
            #expect(try decrypt(message, ciphertext) == [1, 2, 3])
        }
    }

    @Test(
        "IV generators that are none, too few bits, other tags",
        arguments: [
            (CKG_GENERATE_COUNTER, CK_ULONG(0), 12, CK_ULONG(128)), (0x77, 0, 12, 128), (CKG_GENERATE, 33, 12, 128),
            (CKG_GENERATE, 40, 12, 128), (CKG_GENERATE, 0, 7, 128), (CKG_GENERATE, .max, 12, 128),
            (CKG_NO_GENERATE, 0, 0, 128), (CKG_NO_GENERATE, 0, 12, 127), (CKG_NO_GENERATE, 0, 12, 0),
            (CKG_NO_GENERATE, 0, 129, 128),
        ])
    func refusedParameters(generator: CK_ULONG, fixedBits: CK_ULONG, ivLength: Int, tagBits: CK_ULONG) throws {
        try begin()
        let message = GCMMessage(
            iv: [UInt8](repeating: 1, count: ivLength), generator: generator, fixedBits: fixedBits, tagBits: tagBits)
        expect(CKR_MECHANISM_PARAM_INVALID) { _ = try encrypt(message, [1]) }
        #expect(!rig.backend.calls.contains(.encrypt))
        // It was that message's fault.
        #expect(try encrypt(GCMMessage(iv: [1, 2]), [1]).count == 1)
    }

    @Test("A wrong tag, wrong data or a wrong IV shows nothing")
    func tampered() throws {
        try begin()
        let good = GCMMessage(iv: [UInt8](1...12))
        let ciphertext = try encrypt(good, [1, 2, 3])
        try begin(decrypting: true)
        let wrongTag = GCMMessage(iv: good.iv)
        wrongTag.tag = good.tag.map { $0 ^ 1 }
        expect(CKR_AEAD_DECRYPT_FAILED) { _ = try decrypt(wrongTag, ciphertext) }
        expect(CKR_AEAD_DECRYPT_FAILED) { _ = try decrypt(good, ciphertext.map { $0 ^ 1 }) }
        let wrongIV = GCMMessage(iv: [UInt8](2...13))
        wrongIV.tag = good.tag
        expect(CKR_AEAD_DECRYPT_FAILED) { _ = try decrypt(wrongIV, ciphertext) }
        #expect(try decrypt(good, ciphertext) == [1, 2, 3])
    }

    @Test("A message in parts is the same as one in a piece", arguments: [true, false])
    func parts(isRemote: Bool) throws {
        let key = isRemote ? key : try rig.aes(token: false)
        let data = CipherTests.data(300_000)
        let iv = [UInt8](1...12)
        let message = GCMMessage(iv: iv)
        try mechanism.with { try session.messageEncryptInit($0, key: key) }
        expect(CKR_OPERATION_NOT_INITIALIZED) {
            _ = try message.with { parameter in
                try withInput([1]) { part in
                    try collect { try session.encryptMessageNext(parameter, part, into: $0, isLast: true) }
                }
            }
        }
        try message.with { parameter in
            try withInput(associated) { try session.cipherMessageBegin(isEncrypting: true, parameter, $0) }
        }
        var sealed: [UInt8] = []
        for start in stride(from: 0, to: data.count, by: 100_000) {
            let end = min(start + 100_000, data.count)
            sealed += try message.with { parameter in
                try withInput(Array(data[start..<end])) { part in
                    try collect(room: 400_000) {
                        try session.encryptMessageNext(parameter, part, into: $0, isLast: end == data.count)
                    }
                }
            }
        }
        let whole = try session.encrypt(.gcm(iv: iv, associated: associated), key, data)
        #expect(sealed + message.tag == whole)

        try mechanism.with { try session.messageDecryptInit($0, key: key) }
        try message.with { parameter in
            try withInput(associated) { try session.cipherMessageBegin(isEncrypting: false, parameter, $0) }
            for start in [0, 150_000] {
                let part = Array(sealed[start..<start + 150_000])
                let plain = try withInput(part) { part in
                    try collect(room: 400_000) {
                        try session.decryptMessageNext(parameter, part, into: $0, isLast: start > 0)
                    }
                }
                #expect(plain == (start > 0 ? data : []))
            }
        }
    }

    @Test("Keys and mechanisms that do not go with messages")
    func refusedInit() throws {
        expect(CKR_MECHANISM_INVALID) {
            try TestMechanism.cbcPad().with { try session.messageEncryptInit($0, key: key) }
        }
        expect(CKR_MECHANISM_PARAM_INVALID) {
            try TestMechanism(CKM_AES_GCM, [UInt8](1...12)).with { try session.messageEncryptInit($0, key: key) }
        }
        let unable = try rig.aes(token: true, [TestAttribute(CKA_ENCRYPT, false)])
        expect(CKR_KEY_FUNCTION_NOT_PERMITTED) {
            try mechanism.with { try session.messageEncryptInit($0, key: unable) }
        }
    }

    @Test("Signatures of many messages, whole and in parts")
    func signatures() throws {
        let pair = try rig.pair(token: true)
        let ecdsa = TestMechanism(CKM_ECDSA_SHA256)
        try ecdsa.with { try session.messageSignInit($0, key: pair.privateKey) }
        try ecdsa.with { try session.messageVerifyInit($0, key: pair.publicKey) }
        for data in [[UInt8](), [1, 2, 3]] {
            let whole = try withInput(data) { input in try collect { try session.signMessage(input, into: $0) } }
            try session.signMessageBegin()
            expect(CKR_OPERATION_ACTIVE) { try session.signMessageBegin() }
            try withInput(data) { try session.signMessageNext($0, into: nil) }
            expect(CKR_BUFFER_TOO_SMALL) {
                _ = try collect(room: 63) { try session.signMessageNext(Input(nil, 0), into: $0) }
            }
            let inParts = try collect { try session.signMessageNext(Input(nil, 0), into: $0) }
            for signature in [whole, inParts] {
                try withInput(data) { data in
                    try withInput(signature) { try session.verifyMessage(data, signature: $0) }
                }
                expect(CKR_SIGNATURE_INVALID) {
                    try withInput([7]) { data in
                        try withInput(signature) { try session.verifyMessage(data, signature: $0) }
                    }
                }
                try session.verifyMessageBegin()
                try withInput(data) { try session.verifyMessageNext($0, signature: nil) }
                try withInput(signature) { try session.verifyMessageNext(Input(nil, 0), signature: $0) }
            }
        }
    }
}

import CPKCS11
import Cryptoki

/// An attribute as a host writes it.
struct TestAttribute: Sendable {
    let type: CK_ATTRIBUTE_TYPE
    let value: [UInt8]

    init(_ type: CK_ATTRIBUTE_TYPE, _ value: [UInt8]) {
        self.type = type
        self.value = value
    }

    init(_ type: CK_ATTRIBUTE_TYPE, _ flag: Bool) { self.init(type, [flag ? CK_TRUE : CK_FALSE]) }
    init(_ type: CK_ATTRIBUTE_TYPE, _ text: String) { self.init(type, Array(text.utf8)) }
    init(_ type: CK_ATTRIBUTE_TYPE, _ number: CK_ULONG) { self.init(type, ulong(number)) }
}

/// A CK_ULONG as it lies in a host's memory.
func ulong(_ number: CK_ULONG) -> [UInt8] { withUnsafeBytes(of: number) { Array($0) } }

/// Memory of a host that stays where it is for as long as this lives.
final class CallerMemory {
    private var blocks: [UnsafeMutableRawBufferPointer] = []

    deinit { for block in blocks { block.deallocate() } }

    func place(_ bytes: some Collection<UInt8>) -> UnsafeMutableRawBufferPointer {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        block.copyBytes(from: bytes)
        blocks.append(block)
        return block
    }

    func bytes(_ bytes: [UInt8]) -> CK_BYTE_PTR? { place(bytes).bindMemory(to: UInt8.self).baseAddress }
}

func template(_ attributes: [TestAttribute]) throws -> Template {
    let memory = CallerMemory()
    var list = attributes.map { attribute in
        CK_ATTRIBUTE(
            type: attribute.type, pValue: memory.place(attribute.value).baseAddress,
            ulValueLen: CK_ULONG(attribute.value.count))
    }
    return try withExtendedLifetime(memory) { try Template(&list, CK_ULONG(list.count)) }
}

func template(_ attributes: TestAttribute...) throws -> Template { try template(attributes) }

func withInput<Result>(_ bytes: [UInt8], _ body: (Input) throws -> Result) rethrows -> Result {
    try bytes.withUnsafeBytes { try body(Input(raw: $0.baseAddress, CK_ULONG($0.count))) }
}

/// What a function puts into a buffer of `room` bytes.
func collect(room: Int = 1 << 16, _ body: (Output) throws -> Void) throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0xEE, count: max(1, room))
    var length = CK_ULONG(room)
    try buffer.withUnsafeMutableBufferPointer { buffer in
        try withUnsafeMutablePointer(to: &length) { try body(Output(buffer.baseAddress, $0)) }
    }
    return Array(buffer.prefix(Int(length)))
}

/// What a function answers to a size query, in bytes.
func length(_ body: (Output) throws -> Void) throws -> Int {
    var length: CK_ULONG = 0
    try withUnsafeMutablePointer(to: &length) { try body(Output(nil, $0)) }
    return Int(length)
}

/// A CK_MECHANISM with everything that its parameter points to.
final class TestMechanism {
    let type: CK_MECHANISM_TYPE
    private let memory = CallerMemory()
    private var parameter: UnsafeMutableRawBufferPointer?

    init(_ type: CK_MECHANISM_TYPE, _ parameter: [UInt8] = []) {
        self.type = type
        if !parameter.isEmpty { self.parameter = memory.place(parameter) }
    }

    init<Parameter: BitwiseCopyable>(_ type: CK_MECHANISM_TYPE, with make: (CallerMemory) -> Parameter) {
        self.type = type
        parameter = memory.place(withUnsafeBytes(of: make(memory)) { Array($0) })
    }

    func with<Result>(_ body: (MechanismRequest) throws -> Result) rethrows -> Result {
        var mechanism = CK_MECHANISM(
            mechanism: type, pParameter: parameter?.baseAddress, ulParameterLen: CK_ULONG(parameter?.count ?? 0))
        return try withExtendedLifetime(memory) { try body(MechanismRequest(&mechanism)) }
    }

    static func gcm(
        iv: [UInt8] = [UInt8](1...12), associated: [UInt8] = [], tagBits: CK_ULONG = 128
    ) -> TestMechanism {
        TestMechanism(CKM_AES_GCM) { memory in
            CK_GCM_PARAMS(
                pIv: memory.bytes(iv), ulIvLen: CK_ULONG(iv.count), ulIvBits: CK_ULONG(iv.count * 8),
                pAAD: memory.bytes(associated), ulAADLen: CK_ULONG(associated.count), ulTagBits: tagBits)
        }
    }

    static func cbcPad(_ iv: [UInt8] = [UInt8](1...16)) -> TestMechanism { TestMechanism(CKM_AES_CBC_PAD, iv) }

    static func counter(bits: CK_ULONG, _ block: [UInt8]) -> TestMechanism {
        TestMechanism(CKM_AES_CTR, ulong(bits) + block)
    }

    static func ecdh(
        _ point: [UInt8], kdf: CK_EC_KDF_TYPE = CKD_NULL, shared: [UInt8] = [],
        _ type: CK_MECHANISM_TYPE = CKM_ECDH1_DERIVE
    ) -> TestMechanism {
        TestMechanism(type) { memory in
            CK_ECDH1_DERIVE_PARAMS(
                kdf: kdf, ulSharedDataLen: CK_ULONG(shared.count),
                pSharedData: shared.isEmpty ? nil : memory.bytes(shared), ulPublicDataLen: CK_ULONG(point.count),
                pPublicData: memory.bytes(point))
        }
    }

    static func hkdf(
        salt: [UInt8] = [], info: [UInt8] = [], extract: Bool = true, expand: Bool = true
    ) -> TestMechanism {
        TestMechanism(CKM_HKDF_DERIVE) { memory in
            CK_HKDF_PARAMS(
                bExtract: extract ? CK_TRUE : CK_FALSE, bExpand: expand ? CK_TRUE : CK_FALSE,
                prfHashMechanism: CKM_SHA256, ulSaltType: salt.isEmpty ? CKF_HKDF_SALT_NULL : CKF_HKDF_SALT_DATA,
                pSalt: memory.bytes(salt), ulSaltLen: CK_ULONG(salt.count), hSaltKey: 0, pInfo: memory.bytes(info),
                ulInfoLen: CK_ULONG(info.count))
        }
    }

    static func encryptData(_ data: [UInt8]) -> TestMechanism {
        TestMechanism(CKM_AES_ECB_ENCRYPT_DATA) { memory in
            CK_KEY_DERIVATION_STRING_DATA(pData: memory.bytes(data), ulLen: CK_ULONG(data.count))
        }
    }

    static var oaep: TestMechanism {
        TestMechanism(CKM_RSA_PKCS_OAEP) { _ in
            CK_RSA_PKCS_OAEP_PARAMS(
                hashAlg: CKM_SHA256, mgf: CKG_MGF1_SHA256, source: CKZ_DATA_SPECIFIED, pSourceData: nil,
                ulSourceDataLen: 0)
        }
    }
}

internal import CPKCS11
internal import KMSBackend
internal import KMSModel

/// HMAC with every hash of the table (mechanisms specification 2.20 and following), for generic secrets and for keys of
/// the hash's own type.
enum HMAC: MechanismFamily {
    static var mechanisms: [Mechanism] {
        HashTable.rows.flatMap { row in
            let keyTypes = [CKK_GENERIC_SECRET, row.keyType]
            return MAC.mechanisms(
                row.hmac, row.hmacGeneral, keyTypes, 1...1_024, .hmac(row.hash), needs: .hmac)
        }
    }
}

/// CMAC (mechanisms specification 2.10 and 2.17).
enum CMAC: MechanismFamily {
    static var mechanisms: [Mechanism] {
        MAC.mechanisms(CKM_AES_CMAC, CKM_AES_CMAC_GENERAL, [CKK_AES], 16...32, .cmac, needs: .cmac)
            + MAC.mechanisms(
                CKM_DES3_CMAC, CKM_DES3_CMAC_GENERAL, [CKK_DES2, CKK_DES3], 0...0, .cmac, needs: [.cmac, .des3],
                unit: .none)
    }
}

enum MAC {
    /// The mechanism with the whole code, and the general one, whose parameter says how many bytes of it.
    ///
    /// - Parameter sizes: of keys, in bytes.
    static func mechanisms(
        _ whole: CK_MECHANISM_TYPE, _ general: CK_MECHANISM_TYPE, _ keyTypes: [CK_KEY_TYPE], _ sizes: ClosedRange<Int>,
        _ algorithm: MACAlgorithm, needs: Capabilities, unit: Mechanism.SizeUnit = .bytes
    ) -> [Mechanism] {
        [(whole, false), (general, true)].map { type, isGeneral in
            var row = Mechanism(type, keyTypes, sizes, unit)
            let length: @Sendable (MechanismRequest, KeyInUse) throws(CKError) -> Int = {
                request, key throws(CKError) in
                let whole = algorithm.length(keyType: key.facts.type)
                guard isGeneral else {
                    try request.requireNoParameter()
                    return whole
                }
                guard let length = Int(exactly: try request.parameter(as: CK_ULONG.self)), (1...whole).contains(length)
                else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
                return length
            }
            let makeSigning: Mechanism.MakeSigning = { request, key throws(CKError) in
                MACSigning(algorithm, try length(request, key), key)
            }
            let makeVerifying: Mechanism.MakeVerifying = { request, key throws(CKError) in
                MACVerifying(algorithm, try length(request, key), key)
            }
            row.sign = .init(flag: CKF_SIGN, needs: needs, make: makeSigning)
            row.verify = .init(flag: CKF_VERIFY, needs: needs, make: makeVerifying)
            row.messages = CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY
            return row
        }
    }

    /// The whole message goes to the KMS in one piece. KMSs take less than this; a session's own keys are held here.
    static var longestMessage: Int { 16 << 20 }

    static func append(_ bytes: UnsafeRawBufferPointer, to message: inout [UInt8]) throws(CKError) {
        guard bytes.count <= longestMessage - message.count else { throw CKError(CKR_DATA_LEN_RANGE) }
        message.append(contentsOf: bytes)
    }
}

private final class MACSigning: Signing, @unchecked Sendable {
    // @unchecked: one thread at a time, see Operations.swift.
    private let algorithm: MACAlgorithm
    private let key: KeyInUse
    private var message: [UInt8] = []
    let outputLength: Int

    init(_ algorithm: MACAlgorithm, _ length: Int, _ key: KeyInUse) {
        self.algorithm = algorithm
        self.key = key
        outputLength = length
    }

    func update(_ bytes: UnsafeRawBufferPointer) throws(CKError) { try MAC.append(bytes, to: &message) }

    func finish() throws(CKError) -> [UInt8] { Array(try key.mac(message, algorithm).prefix(outputLength)) }
}

private final class MACVerifying: Verifying, @unchecked Sendable {
    // @unchecked: one thread at a time, see Operations.swift.
    private let algorithm: MACAlgorithm
    private let key: KeyInUse
    private var message: [UInt8] = []
    /// In bytes.
    private let length: Int

    init(_ algorithm: MACAlgorithm, _ length: Int, _ key: KeyInUse) {
        self.algorithm = algorithm
        self.key = key
        self.length = length
    }

    func update(_ bytes: UnsafeRawBufferPointer) throws(CKError) { try MAC.append(bytes, to: &message) }

    func finish(signature: [UInt8]) throws(CKError) {
        guard signature.count == length else { throw CKError(CKR_SIGNATURE_LEN_RANGE) }
        let isValid: Bool
        if length == algorithm.length(keyType: key.facts.type) {
            isValid = try key.verifyMAC(signature, of: message, algorithm)
        } else {
            // A KMS compares whole codes only, so a part is compared here, with a code that the KMS makes.
            let code = try key.mac(message, algorithm).prefix(length)
            isValid = zip(code, signature).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
        }
        guard isValid else { throw CKError(CKR_SIGNATURE_INVALID) }
    }
}

internal import CPKCS11
internal import KMSBackend
internal import KMSModel

/// AES (mechanisms specification 2.10 to 2.14): encryption, and wrapping of keys where the standard has it.
package enum AES: MechanismFamily {
    package static var mechanisms: [Mechanism] {
        [
            row(CKM_AES_ECB, needs: .aesECB) { request throws(CKError) in
                try request.requireNoParameter()
                return BlockCipherUse(symmetric(.ecb, iv: []))
            },
            row(CKM_AES_CBC, needs: .aesCBC) { request throws(CKError) in
                BlockCipherUse(symmetric(.cbcNoPad, iv: try request.bytes(count: 16)))
            },
            row(CKM_AES_CBC_PAD, needs: .aesCBC) { request throws(CKError) in
                BlockCipherUse(symmetric(.cbc, iv: try request.bytes(count: 16)))
            },
            row(CKM_AES_CTR, needs: .aesCTR, wraps: false) { request throws(CKError) in try counter(request) },
            gcm,
            row(CKM_AES_KEY_WRAP, needs: .aesKeyWrap) { request throws(CKError) in
                try requireDefaultIV(request, [UInt8](repeating: 0xA6, count: 8))
                return BlockCipherUse(symmetric(.kw, iv: []))
            },
            row(CKM_AES_KEY_WRAP_KWP, needs: .aesKeyWrap) { request throws(CKError) in
                try requireDefaultIV(request, [0xA6, 0x59, 0x59, 0xA6])
                return BlockCipherUse(symmetric(.kwp, iv: []))
            },
        ]
    }

    private static var gcm: Mechanism {
        var mechanism = row(CKM_AES_GCM, needs: .aesGCM) { request throws(CKError) in
            BlockCipherUse(try GCMParameters(request).cipher)
        }
        mechanism.messages = CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT
        return mechanism
    }

    private static func row(
        _ type: CK_MECHANISM_TYPE, needs: Capabilities, wraps: Bool = true,
        _ cipher: @escaping @Sendable (MechanismRequest) throws(CKError) -> BlockCipherUse
    ) -> Mechanism {
        var row = Mechanism(type, [CKK_AES], 16...32, .bytes)
        row.setBlockCipher(needs: needs, wraps: wraps) { request throws(CKError) in try cipher(request) }
        return row
    }

    private static func symmetric(_ mode: CipherMode, iv: [UInt8]) -> Cipher {
        .symmetric(.aes, mode, iv: iv, associatedData: [], tagLength: 0)
    }

    /// A KMS knows no other IV, and hosts that give one give this.
    private static func requireDefaultIV(_ request: MechanismRequest, _ iv: [UInt8]) throws(CKError) {
        guard request.hasParameter else { return }
        guard try request.bytes(count: iv.count) == iv else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
    }

    /// The counter has `ulCounterBits` of the block. Data may not be longer than it can count without beginning again.
    private static func counter(_ request: MechanismRequest) throws(CKError) -> BlockCipherUse {
        let parameters = try request.parameter(as: CK_AES_CTR_PARAMS.self)
        guard (1...128).contains(parameters.ulCounterBits) else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
        let block = withUnsafeBytes(of: parameters.cb) { Array($0) }
        var longest = Int.max
        if parameters.ulCounterBits < 128 {
            let whole = block.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
            let count = UInt128(1) << UInt128(parameters.ulCounterBits)
            let left = count - whole % count
            longest = Int(clamping: left.multipliedReportingOverflow(by: 16).partialValue)
            if left > UInt128(Int.max / 16) { longest = .max }
        }
        return BlockCipherUse(symmetric(.ctr, iv: block), longestInput: longest)
    }
}

/// CK_GCM_PARAMS, in the form of version 2.40 with `ulIvBits` and in the older one without.
struct GCMParameters {
    let cipher: Cipher

    /// Tags that NIST SP 800-38D section 5.2.1.2 allows, in bits.
    static var tagBits: [CK_ULONG] { [32, 64, 96, 104, 112, 120, 128] }

    /// The longest IV in bytes that OpenSSL takes, here and at kmsd.
    static var longestIV: Int { 128 }

    init(_ request: MechanismRequest) throws(CKError) {
        let (parameters, isShort) = try request.prefix(
            as: CK_GCM_PARAMS.self, orShorter: MemoryLayout<CK_GCM_PARAMS>.size - MemoryLayout<CK_ULONG>.size)
        // The older form has everything after `ulIvLen` one place further to the front.
        let associated: (pointer: CK_BYTE_PTR?, length: CK_ULONG)
        let tagBits: CK_ULONG
        if isShort {
            associated = (
                CK_BYTE_PTR(bitPattern: UInt(parameters.ulIvBits)), CK_ULONG(UInt(bitPattern: parameters.pAAD))
            )
            tagBits = parameters.ulAADLen
        } else {
            associated = (parameters.pAAD, parameters.ulAADLen)
            tagBits = parameters.ulTagBits
        }
        let iv = try MechanismRequest.bytes(parameters.pIv, parameters.ulIvLen, atMost: GCMParameters.longestIV)
        guard !iv.isEmpty, GCMParameters.tagBits.contains(tagBits) else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
        cipher = .symmetric(
            .aes, .gcm, iv: iv,
            associatedData: try MechanismRequest.bytes(associated.pointer, associated.length, atMost: 1 << 20),
            tagLength: Int(tagBits / 8))
    }
}

/// A cipher with what its parameters say of the length of the data.
struct BlockCipherUse: Sendable {
    let cipher: Cipher
    /// In bytes.
    let longestInput: Int

    init(_ cipher: Cipher, longestInput: Int = .max) {
        self.cipher = cipher
        self.longestInput = longestInput
    }
}

extension Mechanism {
    /// The roles of a symmetric cipher.
    mutating func setBlockCipher(
        needs: Capabilities, wraps: Bool,
        _ use: @escaping @Sendable (MechanismRequest) throws(CKError) -> BlockCipherUse
    ) {
        let makeEncryption: MakeCiphering = { request, key throws(CKError) in
            try BlockCiphering(.encrypt, use(request), key)
        }
        let makeDecryption: MakeCiphering = { request, key throws(CKError) in
            try BlockCiphering(.decrypt, use(request), key)
        }
        encrypt = Role(flag: CKF_ENCRYPT, needs: needs, make: makeEncryption)
        decrypt = Role(flag: CKF_DECRYPT, needs: needs, make: makeDecryption)
        guard wraps else { return }
        let makeCipher: MakeCipher = { request throws(CKError) in try use(request).cipher }
        wrap = Role(flag: CKF_WRAP, needs: [.wrap, needs], make: makeCipher)
        unwrap = Role(flag: CKF_UNWRAP, needs: [.wrap, needs], make: makeCipher)
    }
}

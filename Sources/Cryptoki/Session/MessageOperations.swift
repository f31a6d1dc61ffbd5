internal import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// One key and mechanism, many messages: C_MessageSignInit to C_MessageSignFinal, and the same for C_MessageVerify….
final class MessageOperation<Message>: @unchecked Sendable {
    // @unchecked: one thread at a time, see Operations.swift.
    private let make: () throws(CKError) -> Message
    /// Between C_…MessageBegin and the last C_…MessageNext.
    var current: Message?

    init(_ make: @escaping () throws(CKError) -> Message) throws(CKError) {
        self.make = make
        // Whatever is wrong with key or parameters is told by the Init.
        _ = try make()
    }

    func begin() throws(CKError) -> Message {
        guard current == nil else { throw CKError(CKR_OPERATION_ACTIVE) }
        return try make()
    }
}

/// The same for AES-GCM, whose IV and tag are in the parameter of each message.
final class MessageCiphering: @unchecked Sendable {
    // @unchecked: one thread at a time, see Operations.swift.
    let direction: CipherDirection
    private let key: KeyInUse
    /// Of the message that has begun. No pointer of its parameter is kept: the caller may free it after the call.
    var current: (operation: BlockCiphering, tagLength: Int)?

    init(_ direction: CipherDirection, _ key: KeyInUse) {
        self.direction = direction
        self.key = key
    }

    func begin(_ parameters: GCMMessageParameters, _ associated: [UInt8]) throws(CKError) -> BlockCiphering {
        guard current == nil else { throw CKError(CKR_OPERATION_ACTIVE) }
        return try BlockCiphering(
            direction,
            BlockCipherUse(
                .symmetric(
                    .aes, .gcm, iv: parameters.iv, associatedData: associated, tagLength: parameters.tagLength)),
            key)
    }
}

/// CK_GCM_MESSAGE_PARAMS: IV and tag are in memory of the caller, to be read or written.
struct GCMMessageParameters {
    let iv: [UInt8]
    /// In bytes.
    let tagLength: Int
    private let ivTarget: CK_BYTE_PTR?
    private let tagTarget: CK_BYTE_PTR?

    /// - Parameter isEncrypting: the token may have to make the IV.
    /// - Throws: CKR_MECHANISM_PARAM_INVALID.
    init(
        _ pointer: CK_VOID_PTR?, _ length: CK_ULONG, isEncrypting: Bool, in context: LibraryContext
    ) throws(CKError) {
        guard let pointer, length == CK_ULONG(MemoryLayout<CK_GCM_MESSAGE_PARAMS>.size) else {
            throw CKError(CKR_MECHANISM_PARAM_INVALID)
        }
        let parameters = UnsafeRawPointer(pointer).loadUnaligned(as: CK_GCM_MESSAGE_PARAMS.self)
        guard let ivPointer = parameters.pIv, let tagPointer = parameters.pTag,
            GCMParameters.tagBits.contains(parameters.ulTagBits)
        else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
        var iv = try MechanismRequest.bytes(ivPointer, parameters.ulIvLen, atMost: GCMParameters.longestIV)
        guard !iv.isEmpty else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
        tagLength = Int(parameters.ulTagBits / 8)
        tagTarget = tagPointer
        switch (parameters.ivGenerator, isEncrypting) {
        case (CKG_NO_GENERATE, _), (_, false): ivTarget = nil
        case (CKG_GENERATE, true), (CKG_GENERATE_RANDOM, true):
            iv = try GCMMessageParameters.generate(iv, fixedBits: parameters.ulIvFixedBits, context)
            ivTarget = ivPointer
        // A counter would have to outlive the process, and forked children would count alike.
        default: throw CKError(CKR_MECHANISM_PARAM_INVALID)
        }
        self.iv = iv
    }

    /// Keeps the fixed bits in front and makes the rest anew: at least 64 bits, or IVs would soon repeat.
    private static func generate(
        _ iv: [UInt8], fixedBits: CK_ULONG, _ context: LibraryContext
    ) throws(CKError) -> [UInt8] {
        guard let bits = Int(exactly: fixedBits), bits.isMultiple(of: 8), bits / 8 <= iv.count - 8 else {
            throw CKError(CKR_MECHANISM_PARAM_INVALID)
        }
        let fixed = iv.prefix(bits / 8)
        let random = try CKError.failing { () throws(CryptoError) in
            try Random.bytes(iv.count - fixed.count, in: context)
        }
        return fixed + random
    }

    /// Tells the caller the IV that the token made.
    func writeIV() {
        guard let ivTarget else { return }
        for (index, byte) in iv.enumerated() { ivTarget[index] = byte }
    }

    func writeTag(_ tag: some Collection<UInt8>) {
        guard let tagTarget else { return }
        for (index, byte) in tag.enumerated() { tagTarget[index] = byte }
    }

    func readTag() -> [UInt8] { Array(UnsafeBufferPointer(start: tagTarget, count: tagLength)) }
}

extension OperationSlot {
    /// Works on one message. What goes wrong with it does not end the operation, which is for many.
    func useForMessage(_ body: (Operation) throws(CKError) -> Void) throws(CKError) {
        var failure: CKError?
        try use(.update) { operation throws(CKError) in
            do throws(CKError) {
                try body(operation)
            } catch {
                failure = error
            }
            return false
        }
        if let failure { throw failure }
    }
}

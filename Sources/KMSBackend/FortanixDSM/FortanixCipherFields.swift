internal import FoundationEssentials
internal import KMSModel

/// The fields that say how to encrypt, decrypt, wrap and unwrap, the same in every such request.
struct FortanixCipherFields {
    var alg: ObjectType
    var mode: EncryptionMode
    var iv: Data?
    var ad: Data?
    /// In bits; encryption with GCM.
    var tagLen: Int?
    /// OAEP's.
    var label: Data?
    /// In bytes; 0 but for GCM.
    let tagLength: Int

    init(_ cipher: Cipher, _ direction: CipherDirection, doing: String) throws(BackendError) {
        switch cipher {
        case .symmetric(let type, let mode, let iv, let associatedData, let tagLength):
            alg = type
            self.mode = .symmetric(mode)
            self.tagLength = tagLength
            try mode.check(type, iv, associatedData, tagLength, doing)
            if mode.needsIV { self.iv = Data(iv) }
            if !associatedData.isEmpty { ad = Data(associatedData) }
            if mode == .gcm, direction == .encrypt { tagLen = tagLength * 8 }
        case .rsa(let padding, let label):
            alg = .rsa
            mode = try padding.mode(direction, doing)
            tagLength = 0
            guard !label.isEmpty else { return }
            guard case .oaep = padding else { throw BackendError(.invalid, "\(doing): only OAEP has a label") }
            self.label = Data(label)
        }
    }

    /// The KMS must have used the IV that it was given.
    func check(iv answered: Data?, doing: String) throws(BackendError) {
        guard let answered, !answered.isEmpty, answered != iv else { return }
        throw BackendError(.protocolViolation, "\(doing): the KMS used another IV than it was given")
    }

    /// - Returns: the tag of an encryption with GCM, none of any other.
    func tag(_ answered: Data?, doing: String) throws(BackendError) -> [UInt8] {
        let tag = answered.map { Array($0) } ?? []
        guard tag.count == tagLength else {
            throw BackendError(
                .protocolViolation, "\(doing): the KMS's answer has a tag of \(tag.count) bytes instead of \(tagLength)"
            )
        }
        return tag
    }
}

extension RSAPadding {
    fileprivate func mode(_ direction: CipherDirection, _ doing: String) throws(BackendError) -> EncryptionMode {
        switch self {
        case .pkcs1V15: return .pkcs1V15
        case .oaep(let hash, let mgf):
            guard hash == mgf else {
                throw BackendError(
                    .unsupported,
                    "\(doing): the KMS has one hash for OAEP's label and mask; \(hash.rawValue) with MGF1 of "
                        + "\(mgf.rawValue) it cannot do")
            }
            guard hash != .ssl3 else {
                throw BackendError(.unsupported, "\(doing): there is no OAEP with MD5 and SHA-1 in one")
            }
            return .oaep(hash)
        case .raw:
            guard direction == .decrypt else {
                throw BackendError(.unsupported, "\(doing): the KMS does no RSA encryption without padding")
            }
            return .rawDecrypt
        }
    }
}

extension CipherMode {
    /// What a KMS might mend in silence is refused here: it makes an IV when it gets none.
    fileprivate func check(
        _ type: ObjectType, _ iv: [UInt8], _ associatedData: [UInt8], _ tagLength: Int, _ doing: String
    ) throws(BackendError) {
        func refuse(_ reason: String) -> BackendError { BackendError(.invalid, "\(doing): \(rawValue) \(reason)") }
        guard let block = type.blockLength else { throw refuse("is no mode of \(type.rawValue) keys") }
        switch self {
        case .cbc, .cbcNoPad, .ctr:
            guard iv.count == block else { throw refuse("needs an IV of \(block) bytes, not \(iv.count)") }
        case .gcm:
            guard type == .aes else { throw refuse("is no mode of \(type.rawValue) keys") }
            guard !iv.isEmpty else { throw refuse("needs an IV") }
            guard (1...16).contains(tagLength) else { throw refuse("has no tag of \(tagLength) bytes") }
        case .ecb:
            guard iv.isEmpty else { throw refuse("takes no IV") }
        case .kw, .kwp:
            guard type == .aes else { throw refuse("is no mode of \(type.rawValue) keys") }
            guard iv.isEmpty else {
                throw BackendError(.unsupported, "\(doing): the KMS does \(rawValue) with the standard's IV only")
            }
        }
        guard self == .gcm || (associatedData.isEmpty && tagLength == 0) else {
            throw refuse("has neither associated data nor tag")
        }
    }
}

extension ObjectType {
    /// In bytes, of the ciphers that the KMS encrypts with.
    fileprivate var blockLength: Int? {
        switch self {
        case .aes: 16
        case .des, .des3: 8
        default: nil
        }
    }
}

extension Cipher {
    /// Whether so many bytes can come out when so many went in; what the API does not tell, as the length of an RSA
    /// modulus, is not looked at.
    func accepts(_ output: Int, from input: Int, _ direction: CipherDirection) -> Bool {
        switch self {
        case .rsa(.raw, _): output == input
        case .rsa: direction == .decrypt ? output < input : output > input
        case .symmetric(let type, let mode, _, _, _):
            direction == .encrypt
                ? mode.encrypts(input, to: output, block: type.blockLength ?? 1)
                : mode.encrypts(output, to: input, block: type.blockLength ?? 1)
        }
    }
}

extension CipherMode {
    fileprivate func encrypts(_ plain: Int, to cipher: Int, block: Int) -> Bool {
        switch self {
        case .ecb, .cbcNoPad, .ctr, .gcm: cipher == plain
        // At least one byte of padding, at most a block.
        case .cbc: cipher % block == 0 && cipher > plain && cipher - plain <= block
        case .kw: cipher - 8 == plain
        // Zero bytes up to a multiple of 8, and 8 in front.
        case .kwp: cipher % 8 == 0 && cipher - 8 >= plain && cipher - 16 < plain
        }
    }
}

package import CPKCS11
internal import KMSBackend
internal import KMSModel

/// One row of the mechanism table: what a mechanism works with, and who performs it in each of its roles.
package struct Mechanism: Sendable {
    /// The unit in which the standard counts a mechanism's key sizes.
    package enum SizeUnit: Sendable { case bits, bytes, none }

    /// What a mechanism can be used for. Makes the operation that C_…Init asks for.
    struct Role<Make: Sendable>: Sendable {
        let flag: CK_FLAGS
        /// What the slot's backend must be able to do; empty: the module does it itself.
        let needs: Capabilities
        let make: Make
    }

    // Closures of these types are named before they are used: as an argument of the generic `Role` they crash the
    // compiler of Swift 6.3.1.
    typealias MakeSigning = @Sendable (MechanismRequest, KeyInUse) throws(CKError) -> any Signing
    typealias MakeVerifying = @Sendable (MechanismRequest, KeyInUse) throws(CKError) -> any Verifying
    typealias MakeCiphering = @Sendable (MechanismRequest, KeyInUse) throws(CKError) -> any Ciphering
    typealias MakeCipher = @Sendable (MechanismRequest) throws(CKError) -> Cipher
    typealias MakeKey = @Sendable (MechanismRequest, ObjectDraft) throws(CKError) -> KeySpecification
    typealias MakeDerivation = @Sendable (MechanismRequest, KeyInUse) throws(CKError) -> any KeyDerivationScheme

    package let type: CK_MECHANISM_TYPE
    let keyTypes: [CK_KEY_TYPE]
    /// In `unit`.
    let sizes: ClosedRange<Int>
    let unit: SizeUnit
    /// Flags beside those of the roles: what the curves are like.
    var traits: CK_FLAGS = 0

    var sign: Role<MakeSigning>?
    var verify: Role<MakeVerifying>?
    var signRecover: Role<MakeSigning>?
    var verifyRecover: Role<MakeVerifying>?
    var encrypt: Role<MakeCiphering>?
    var decrypt: Role<MakeCiphering>?
    var wrap: Role<MakeCipher>?
    var unwrap: Role<MakeCipher>?
    var digest: Role<HashAlgorithm>?
    var generate: Role<MakeKey>?
    var derive: Role<MakeDerivation>?
    /// The message functions of version 3.0 work with it.
    var messages: CK_FLAGS = 0

    init(
        _ type: CK_MECHANISM_TYPE, _ keyTypes: [CK_KEY_TYPE], _ sizes: ClosedRange<Int> = 0...0,
        _ unit: SizeUnit = .none
    ) {
        self.type = type
        self.keyTypes = keyTypes
        self.sizes = sizes
        self.unit = unit
    }

    /// - Throws: CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_SIZE_RANGE.
    func check(_ key: Object.KeyFacts) throws(CKError) {
        guard keyTypes.contains(key.keyType) else { throw CKError(CKR_KEY_TYPE_INCONSISTENT) }
        let size =
            switch unit {
            case .bits: key.bits
            case .bytes: key.bits / 8
            case .none: sizes.lowerBound
            }
        guard sizes.contains(size) else { throw CKError(CKR_KEY_SIZE_RANGE) }
    }
}

extension Mechanism {
    /// Without the roles that the backend cannot play; nil when none is left.
    func restricted(to capabilities: Capabilities) -> Mechanism? {
        var row = self
        row.sign = sign?.available(capabilities)
        row.verify = verify?.available(capabilities)
        row.signRecover = signRecover?.available(capabilities)
        row.verifyRecover = verifyRecover?.available(capabilities)
        row.encrypt = encrypt?.available(capabilities)
        row.decrypt = decrypt?.available(capabilities)
        row.wrap = wrap?.available(capabilities)
        row.unwrap = unwrap?.available(capabilities)
        row.digest = digest?.available(capabilities)
        row.generate = generate?.available(capabilities)
        row.derive = derive?.available(capabilities)
        if row.sign == nil { row.messages &= ~CKF_MESSAGE_SIGN }
        if row.verify == nil { row.messages &= ~CKF_MESSAGE_VERIFY }
        if row.encrypt == nil { row.messages &= ~CKF_MESSAGE_ENCRYPT }
        if row.decrypt == nil { row.messages &= ~CKF_MESSAGE_DECRYPT }
        return row.roles.isEmpty ? nil : row
    }

    private var roles: [(flag: CK_FLAGS, needs: Capabilities)] {
        var roles: [(flag: CK_FLAGS, needs: Capabilities)] = []
        sign.map { roles.append(($0.flag, $0.needs)) }
        verify.map { roles.append(($0.flag, $0.needs)) }
        signRecover.map { roles.append(($0.flag, $0.needs)) }
        verifyRecover.map { roles.append(($0.flag, $0.needs)) }
        encrypt.map { roles.append(($0.flag, $0.needs)) }
        decrypt.map { roles.append(($0.flag, $0.needs)) }
        wrap.map { roles.append(($0.flag, $0.needs)) }
        unwrap.map { roles.append(($0.flag, $0.needs)) }
        digest.map { roles.append(($0.flag, $0.needs)) }
        generate.map { roles.append(($0.flag, $0.needs)) }
        derive.map { roles.append(($0.flag, $0.needs)) }
        return roles
    }

    /// CKF_HW: the KMS performs it, in at least one role.
    package var info: CK_MECHANISM_INFO {
        let flags = roles.reduce(traits | messages) { $0 | $1.flag | ($1.needs.isEmpty ? 0 : CKF_HW) }
        return CK_MECHANISM_INFO(
            ulMinKeySize: CK_ULONG(sizes.lowerBound), ulMaxKeySize: CK_ULONG(sizes.upperBound), flags: flags)
    }
}

extension Mechanism.Role {
    fileprivate func available(_ capabilities: Capabilities) -> Self? {
        capabilities.isSuperset(of: needs) ? self : nil
    }
}

internal import FoundationEssentials
internal import KMSModel
internal import KMSSupport

// Security objects, from the API's answers and for its requests.

extension KeyDescription {
    /// - Parameter certificate: the value, where it had to be fetched.
    init(_ sobject: Sobject, id: KeyID, certificate: Data?) {
        self.init(id: id, name: sobject.name ?? "", type: sobject.objType, operations: sobject.keyOps)
        bits = sobject.keySize ?? sobject.rsa?.keySize ?? sobject.ellipticCurve?.bits
        curve = sobject.ellipticCurve
        isUsable = sobject.enabled && (sobject.state ?? .active) == .active
        isPublicOnly = sobject.publicOnly
        checkValue = sobject.kcv.flatMap { Hex.decode($0.utf8) }.map { Array($0.prefix(3)) }
        isNeverExportable = sobject.neverExportable ?? !sobject.keyOps.contains(.export)
        isLocal = sobject.origin == .fortanixHSM
        publicKey = sobject.pubKey.map { Array($0) }
        // Key material, should a KMS list it, is not kept.
        if sobject.objType == .certificate || sobject.objType == .opaque { value = certificate.map { Array($0) } }
        attributes = FortanixMetadata.decode(sobject.customMetadata)
        startSeconds = sobject.activationDate?.seconds
        endSeconds = sobject.deactivationDate?.seconds
    }
}

extension SobjectRequest {
    /// What every request that makes an object says of it.
    init(_ specification: KeySpecification, doing: String) throws(BackendError) {
        self.init()
        if specification.isTransient {
            transient = true
        } else {
            guard let name = specification.name, FortanixName.isPossible(name) else {
                throw BackendError(
                    .invalid,
                    "\(doing): a stored object needs a name of one line, not blank, of at most \(FortanixName.longest)"
                        + " bytes")
            }
            self.name = name
        }
        // Without it the app could neither change nor delete what it made.
        keyOps = specification.operations.manageable
        if !specification.attributes.isEmpty {
            customMetadata = try FortanixMetadata.encode(specification.attributes, doing: doing)
        }
    }

    /// Any padding: the API's default forbids to decrypt PKCS #1 v1.5.
    mutating func allowAnyPadding(of specification: KeySpecification) {
        guard specification.type == .rsa else { return }
        var options = RSAOptions()
        options.encryptionPolicy = [RSAOptions.Policy(padding: nil)]
        options.signaturePolicy = [RSAOptions.Policy(padding: nil)]
        rsa = options
    }
}

extension KeySpecification {
    /// In bits, as the API counts: DES3 without its parity bits.
    var wireBits: Int? {
        switch (type, bits) {
        case (.des3, 128): 112
        case (.des3, 192): 168
        default: bits
        }
    }
}

extension KeyOperations {
    var manageable: KeyOperations { KeyOperations(values.union([.appManageable])) }
}

extension FortanixDSM {
    /// The object that a request made, after a look whether it is the one that was asked for.
    func made(
        _ sobject: Sobject, as specification: KeySpecification, doing: String, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        let id: KeyID
        if specification.isTransient {
            guard let name = sobject.transientKey, !name.isEmpty else {
                throw BackendError(.protocolViolation, "\(doing): the KMS's answer names no transient key")
            }
            id = KeyID(name.base64EncodedString(), .transient)
        } else {
            guard let kid = sobject.kid, !kid.isEmpty else {
                throw BackendError(.protocolViolation, "\(doing): the KMS's answer has no kid")
            }
            id = KeyID(kid)
        }
        guard sobject.objType == specification.type else {
            throw BackendError(
                .protocolViolation,
                "\(doing): the KMS made an object of type \(sobject.objType.rawValue) instead of "
                    + specification.type.rawValue)
        }
        if let wanted = specification.curve, let curve = sobject.ellipticCurve, curve != wanted {
            throw BackendError(
                .protocolViolation, "\(doing): the KMS made a key on \(curve.rawValue) instead of \(wanted.rawValue)")
        }
        return completed(sobject, id: id, doing: doing, deadline: deadline)
    }

    /// Some versions answer a request that makes an object without the public key or the certificate; then it is asked
    /// for. The object is there, so no failure of that may look as if it were not.
    func completed(_ sobject: Sobject, id: KeyID, doing: String, deadline: Deadline) -> KeyDescription {
        let isComplete =
            switch sobject.objType {
            case .rsa, .ec: sobject.pubKey != nil
            case .certificate: sobject.value != nil
            default: true
            }
        let answered = KeyDescription(sobject, id: id, certificate: sobject.value)
        guard !isComplete else { return answered }
        do throws(BackendError) {
            return try describe(id, deadline: deadline)
        } catch {
            Log.warning("\(doing): the KMS made \(id) and does not describe it: \(error.message)")
            return answered
        }
    }
}

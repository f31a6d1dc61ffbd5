package import KMSModel

/// What is possible with each type of object, and what a new object may do when its request does not say.
package enum KeyRules {
    /// RSA moduli in bits.
    package static var rsaBits: ClosedRange<Int> { 2048...4096 }
    /// For refusals.
    static var rsaBitsSentence: String { "RSA keys have \(rsaBits.lowerBound) to \(rsaBits.upperBound) bits" }

    /// Every operation that makes sense for the type.
    ///
    /// - Parameter curve: of an EC key; nil allows what any curve can do.
    package static func operations(
        _ type: ObjectType, _ curve: EllipticCurve?, publicOnly: Bool
    ) -> KeyOperations {
        let common: [KeyOperation] = [.export, .appManageable, .highVolume]
        let own: [KeyOperation] =
            switch (type, publicOnly) {
            case (.rsa, false): [.sign, .verify, .encrypt, .decrypt, .wrapKey, .unwrapKey]
            case (.rsa, true), (.certificate, _): [.verify, .encrypt, .wrapKey]
            case (.ec, _): curveOperations(curve?.family, publicOnly: publicOnly)
            // The official client asks for DERIVEKEY with DES3 too, whenever it makes a key.
            case (.aes, _), (.des3, _):
                [.encrypt, .decrypt, .wrapKey, .unwrapKey, .deriveKey, .macGenerate, .macVerify]
            case (.hmac, _): [.macGenerate, .macVerify, .deriveKey]
            case (.secret, _): [.deriveKey]
            case (.opaque, _), (.des, _), (.other, _): []
            }
        return KeyOperations(own + common)
    }

    private static func curveOperations(_ family: EllipticCurve.Family?, publicOnly: Bool) -> [KeyOperation] {
        let signing: [KeyOperation] = publicOnly ? [.verify] : [.sign, .verify]
        return switch family {
        case .weierstrass?, nil: signing + [.agreeKey]
        case .edwards?: signing
        case .montgomery?: [.agreeKey]
        }
    }

    /// Default for an import is every operation, for a generated key every one but EXPORT. HIGHVOLUME drops audit
    /// records, so it is never a default.
    package static func defaultOperations(
        _ type: ObjectType, _ curve: EllipticCurve?, publicOnly: Bool, generated: Bool
    ) -> KeyOperations {
        var values = operations(type, curve, publicOnly: publicOnly).values
        values.remove(.highVolume)
        if generated { values.remove(.export) }
        return KeyOperations(values)
    }

    /// - Parameter isImport: the official client asks for the same operations whether it imports a key pair or its
    ///   public half. There SIGN beside VERIFY, DECRYPT beside ENCRYPT and UNWRAPKEY beside WRAPKEY are dropped.
    /// - Throws: 400 when an operation is unknown or impossible for the object.
    package static func checked(
        _ wanted: KeyOperations, _ type: ObjectType, _ curve: EllipticCurve?, publicOnly: Bool, isImport: Bool = false
    ) throws(KMSError) -> KeyOperations {
        if let unknown = wanted.unknown.first {
            throw .badRequest("Field \"key_ops\": there is no operation \(unknown.prefix(64).quoted)")
        }
        var wanted = wanted.values
        if publicOnly, isImport {
            let twins: [(own: KeyOperation, other: KeyOperation)] = [
                (.sign, .verify), (.decrypt, .encrypt), (.unwrapKey, .wrapKey),
            ]
            for twin in twins where wanted.contains(twin.other) { wanted.remove(twin.own) }
        }
        let possible = operations(type, curve, publicOnly: publicOnly).values
        for operation in KeyOperation.allCases where wanted.contains(operation) && !possible.contains(operation) {
            let name = curve.map { $0.family == .weierstrass ? type.rawValue : $0.rawValue } ?? type.rawValue
            let object = publicOnly && type != .certificate ? "an \(name) public key" : name
            throw .badRequest("Field \"key_ops\": \(operation.rawValue) is not possible with \(object)")
        }
        return KeyOperations(wanted)
    }

    /// Policies of a new RSA object: as asked for, else OAEP for encryption and anything for signatures.
    package static func rsaOptions(bits: Int, exponent: Int, wanted: RSAOptions?) -> RSAOptions {
        var options = RSAOptions(keySize: bits, publicExponent: exponent)
        options.encryptionPolicy = wanted?.encryptionPolicy ?? [.init(padding: .init("OAEP"))]
        options.signaturePolicy = wanted?.signaturePolicy ?? [.init(padding: nil)]
        return options
    }
}

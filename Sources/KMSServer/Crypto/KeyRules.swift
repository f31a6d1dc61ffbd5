package import KMSModel

/// What is possible with each type of object, and what a new object may do when its request does not say.
package enum KeyRules {
    /// RSA moduli in bits.
    package static var rsaBits: ClosedRange<Int> { 2048...4096 }

    /// Every operation that makes sense for the type.
    package static func operations(_ type: ObjectType, publicOnly: Bool) -> KeyOperations {
        let common: [KeyOperation] = [.export, .appManageable, .highVolume]
        let own: [KeyOperation] =
            switch (type, publicOnly) {
            case (.rsa, false): [.sign, .verify, .encrypt, .decrypt, .wrapKey, .unwrapKey]
            case (.rsa, true), (.certificate, _): [.verify, .encrypt, .wrapKey]
            case (.ec, false): [.sign, .verify, .agreeKey]
            case (.ec, true): [.verify, .agreeKey]
            case (.secret, _): [.deriveKey]
            default: []
            }
        return KeyOperations(own + common)
    }

    /// Default for an import is every operation, for a generated key every one but EXPORT. HIGHVOLUME drops audit
    /// records, so it is never a default.
    package static func defaultOperations(_ type: ObjectType, publicOnly: Bool, generated: Bool) -> KeyOperations {
        var values = operations(type, publicOnly: publicOnly).values
        values.remove(.highVolume)
        if generated { values.remove(.export) }
        return KeyOperations(values)
    }

    /// - Throws: 400 when an operation is impossible for the type. Those that only lack the private half are dropped:
    ///   clients ask for the same operations whether they import a key pair or its public half.
    package static func checked(
        _ wanted: KeyOperations, _ type: ObjectType, publicOnly: Bool
    ) throws(KMSError) -> KeyOperations {
        let possible = operations(type, publicOnly: publicOnly).values
        let withPrivateHalf = operations(type, publicOnly: false).values
        for operation in KeyOperation.allCases where wanted.contains(operation) {
            guard withPrivateHalf.contains(operation) else {
                throw .badRequest("Field \"key_ops\": \(operation.rawValue) is not possible with \(type.rawValue)")
            }
        }
        return KeyOperations(wanted.values.intersection(possible))
    }

    /// - Throws: 400 for a name that the API does not allow.
    package static func checkName(_ name: String?) throws(KMSError) -> String {
        guard let name, name.contains(where: { !$0.isWhitespace }) else {
            throw .badRequest("Field \"name\" is missing or blank")
        }
        guard name.count <= 4096 else { throw .badRequest("Field \"name\" is longer than 4096 characters") }
        guard !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw .badRequest("Field \"name\" contains a line break or control character")
        }
        return name
    }

    /// Policies of a new RSA object: as asked for, else OAEP for encryption and anything for signatures.
    package static func rsaOptions(bits: Int, exponent: Int, wanted: RSAOptions?) -> RSAOptions {
        var options = RSAOptions(keySize: bits, publicExponent: exponent)
        options.encryptionPolicy = wanted?.encryptionPolicy ?? [.init(padding: "OAEP")]
        options.signaturePolicy = wanted?.signaturePolicy ?? [.init(padding: nil)]
        return options
    }
}

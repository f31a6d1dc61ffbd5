internal import CPKCS11
internal import KMSModel
internal import OpenSSLCrypto

/// RSA, EC, Edwards and Montgomery keys: a public key, and a private key unless the KMS holds only the public half.
enum KeyPairObjects {
    /// Stored with a pair whose public key was destroyed while the private one stays.
    static var hiddenPublicKey: String { "public-hidden" }

    /// Stored with a pair of which somebody brought the private key only: the public one that the KMS makes of it goes
    /// with it.
    static var impliedPublicKey: String { "public-implied" }

    /// Of what is kept with a pair, that which holds for the public key: its own, and what both have in common.
    static func publicAttributes(_ attributes: [String: [UInt8]]) -> [String: [UInt8]] {
        var own: [String: [UInt8]] = [:]
        for (name, value) in attributes where ObjectSource.sharedNames.contains(name) { own[name] = value }
        for (name, value) in attributes
        where name.hasPrefix(ObjectSource.publicPrefix)
            && name != hiddenPublicKey && name != impliedPublicKey
        {
            own[String(name.dropFirst(ObjectSource.publicPrefix.count))] = value
        }
        return own
    }

    static func make(_ source: ObjectSource) throws(CryptoError) -> [Object] {
        guard let info = source.description.publicKey else {
            throw CryptoError("the KMS gives no public key for it")
        }
        let (publicKey, identifier) = try PublicKey.identified(subjectPublicKeyInfo: info, in: source.context)
        let components = try publicKey.components()
        let id = source.storedID ?? identifier
        let kind = try publicKey.kind()
        let type = kind.keyType
        let facts = Object.KeyFacts(
            keyType: type, type: source.description.type, bits: kind.bits, curve: kind.curve,
            isUsable: source.description.isUsable)

        var objects: [Object] = []
        if source.description.attributes[hiddenPublicKey] == nil || source.description.isPublicOnly {
            var attributes = AttributeSet()
            attributes.setStorageAttributes(source, CKO_PUBLIC_KEY, isPrivate: false)
            attributes.setKeyAttributes(source, type, id: id)
            attributes.setPublicKeyAttributes(source, subjectPublicKeyInfo: info)
            try attributes.setComponents(components, kind)
            objects.append(
                try source.object(
                    CKO_PUBLIC_KEY, attributes, key: facts,
                    prefix: source.description.isPublicOnly ? "" : ObjectSource.publicPrefix))
        }
        guard !source.description.isPublicOnly else { return objects }

        var attributes = AttributeSet()
        attributes.setStorageAttributes(source, CKO_PRIVATE_KEY, isPrivate: true)
        attributes.setKeyAttributes(source, type, id: id)
        attributes.setPrivateKeyAttributes(source, subjectPublicKeyInfo: info)
        // Hosts read the public parts from the private key when they see no certificate or public key: libp11 takes
        // modulus, exponent and EC point from here.
        try attributes.setComponents(components, kind)
        for part in kind.secretParts { attributes.setSecret(part, isReadable: source.isReadable) }
        objects.append(try source.object(CKO_PRIVATE_KEY, attributes, key: facts))
        return objects
    }
}

extension AttributeSet {
    /// The public parts of an RSA (mechanisms specification 2.1.2) or EC key (2.3.3 and following).
    fileprivate mutating func setComponents(_ components: PublicKey.Components, _ kind: KeyKind) throws(CryptoError) {
        switch components {
        case .rsa(let modulus, let exponent):
            set(CKA_MODULUS, modulus)
            set(CKA_MODULUS_BITS, CK_ULONG(kind.bits))
            set(CKA_PUBLIC_EXPONENT, exponent)
        case .ec(let parameters, let point):
            set(CKA_EC_PARAMS, parameters)
            set(CKA_EC_POINT, try DEROctetString.encode(point))
        }
    }
}

extension KeyKind {
    var keyType: CK_KEY_TYPE {
        switch self {
        case .rsa: CKK_RSA
        case .ec(let curve):
            switch curve.family {
            case .weierstrass: CKK_EC
            case .edwards: CKK_EC_EDWARDS
            case .montgomery: CKK_EC_MONTGOMERY
            }
        }
    }

    var curve: EllipticCurve? {
        switch self {
        case .rsa: nil
        case .ec(let curve): curve
        }
    }

    /// The attributes of a private key that its secrecy protects.
    var secretParts: [CK_ATTRIBUTE_TYPE] {
        switch self {
        case .rsa:
            [CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT]
        case .ec: [CKA_VALUE]
        }
    }
}

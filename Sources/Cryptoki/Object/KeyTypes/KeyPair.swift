internal import CPKCS11
internal import OpenSSLCrypto

/// RSA and EC keys: a public key, and a private key unless the KMS holds only the public half.
enum KeyPairObjects {
    static func make(_ source: ObjectSource) throws(CryptoError) -> [Object] {
        guard let info = source.description.publicKey else {
            throw CryptoError("the KMS gives no public key for it")
        }
        let publicKey = try PublicKey(subjectPublicKeyInfo: info, in: source.context)
        let components = try publicKey.components()
        let id = try source.identifier(subjectPublicKeyInfo: info)
        let type: CK_KEY_TYPE =
            switch components {
            case .rsa: CKK_RSA
            case .ec: CKK_EC
            }

        var attributes = AttributeSet()
        attributes.setStorageAttributes(source, CKO_PUBLIC_KEY, isPrivate: false)
        attributes.setKeyAttributes(source, type, id: id)
        attributes.setPublicKeyAttributes(source, subjectPublicKeyInfo: info)
        try attributes.setComponents(components, bits: publicKey.bits)
        var objects = [
            Object(
                handle: try source.handle(CKO_PUBLIC_KEY), keyID: source.description.id, objectClass: CKO_PUBLIC_KEY,
                isPrivate: false, attributes: attributes, key: nil)
        ]
        guard !source.description.isPublicOnly else { return objects }

        attributes = AttributeSet()
        attributes.setStorageAttributes(source, CKO_PRIVATE_KEY, isPrivate: true)
        attributes.setKeyAttributes(source, type, id: id)
        attributes.setPrivateKeyAttributes(source, subjectPublicKeyInfo: info)
        // Hosts read the public parts from the private key when they see no certificate or public key: libp11 takes
        // modulus, exponent and EC point from here.
        try attributes.setComponents(components, bits: publicKey.bits)
        attributes.setPrivateComponents(components)
        objects.append(
            Object(
                handle: try source.handle(CKO_PRIVATE_KEY), keyID: source.description.id,
                objectClass: CKO_PRIVATE_KEY, isPrivate: true, attributes: attributes,
                key: Object.PrivateKey(
                    type: type, bits: publicKey.bits, operations: source.description.operations,
                    isUsable: source.description.isUsable)))
        return objects
    }
}

extension AttributeSet {
    /// The public parts of an RSA (mechanisms specification 2.1.2) or EC key (2.3.3).
    fileprivate mutating func setComponents(
        _ components: PublicKey.Components, bits: Int
    ) throws(CryptoError) {
        switch components {
        case .rsa(let modulus, let exponent):
            set(CKA_MODULUS, modulus)
            set(CKA_MODULUS_BITS, CK_ULONG(bits))
            set(CKA_PUBLIC_EXPONENT, exponent)
        case .ec(let parameters, let point):
            set(CKA_EC_PARAMS, parameters)
            set(CKA_EC_POINT, try DEROctetString.encode(point))
        }
    }

    /// What the KMS never tells.
    fileprivate mutating func setPrivateComponents(_ components: PublicKey.Components) {
        switch components {
        case .rsa:
            for type in [
                CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT,
            ] {
                setSensitive(type)
            }
        case .ec:
            setSensitive(CKA_VALUE)
        }
    }
}

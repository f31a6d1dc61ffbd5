internal import CPKCS11
package import KMSModel
package import KMSSupport
package import OpenSSLCrypto

/// What the parts of a key in a template come to: the type that a KMS gives it, and the value in the form in which a
/// KMS takes it.
package struct KeyParts: Sendable {
    package var type: ObjectType
    /// In bits.
    package var bits: Int?
    package var curve: EllipticCurve?
    package var value: Secret

    /// - Throws: CKR_ATTRIBUTE_VALUE_INVALID for a part that is no such thing, CKR_TEMPLATE_INCONSISTENT for parts that
    ///   do not belong together, CKR_CURVE_NOT_SUPPORTED.
    package init(_ draft: ObjectDraft, in context: LibraryContext) throws(CKError) {
        switch draft.objectClass {
        case CKO_PRIVATE_KEY: self = try KeyParts.privateKey(draft, context)
        case CKO_PUBLIC_KEY: self = try KeyParts.publicKey(draft, context)
        case CKO_SECRET_KEY: self = try KeyParts.secretKey(draft, context)
        case CKO_CERTIFICATE: self = try KeyParts.certificate(draft, context)
        default: self.init(type: .opaque, value: Secret(draft[CKA_VALUE] ?? []))
        }
    }

    private init(type: ObjectType, bits: Int? = nil, curve: EllipticCurve? = nil, value: Secret) {
        self.type = type
        self.bits = bits
        self.curve = curve
        self.value = value
    }

    private static func secretKey(_ draft: ObjectDraft, _ context: LibraryContext) throws(CKError) -> KeyParts {
        guard let subtype = draft.subtype, let type = SecretKeyType.of(subtype), let value = draft[CKA_VALUE],
            type.accepts(length: value.count)
        else { throw CKError(CKR_ATTRIBUTE_VALUE_INVALID) }
        let parts = KeyParts(type: type.type, bits: value.count * 8, value: Secret(value))
        // Empty: no check value is wanted (section 4.10.2).
        if let given = draft[CKA_CHECK_VALUE], !given.isEmpty {
            let own = try CKError.failing { () throws(CryptoError) in
                try KeyCheckValue.of(parts.value, type: type.type, in: context)
            }
            guard given == own else { throw CKError(CKR_ATTRIBUTE_VALUE_INVALID) }
        }
        return parts
    }

    private static func certificate(_ draft: ObjectDraft, _ context: LibraryContext) throws(CKError) -> KeyParts {
        let certificate: Certificate
        do throws(CryptoError) {
            certificate = try Certificate(der: draft[CKA_VALUE] ?? [], in: context)
        } catch {
            throw CKError(CKR_ATTRIBUTE_VALUE_INVALID)
        }
        for (type, value) in [
            (CKA_SUBJECT, certificate.subject), (CKA_ISSUER, certificate.issuer),
            (CKA_PUBLIC_KEY_INFO, certificate.subjectPublicKeyInfo),
            (CKA_CHECK_VALUE, certificate.checkValue),
        ] {
            // Hosts that do not know a part give an empty one.
            guard let given = draft[type], !given.isEmpty else { continue }
            guard given == value else { throw CKError(CKR_TEMPLATE_INCONSISTENT) }
        }
        if let given = draft[CKA_SERIAL_NUMBER], !given.isEmpty {
            // Java gives the number's bytes without the DER header, which has two bytes: serial numbers are short.
            let isBare =
                !given.allSatisfy { $0 == 0 } && stripped(certificate.serialNumber.dropFirst(2)) == stripped(given)
            guard given == certificate.serialNumber || isBare else { throw CKError(CKR_TEMPLATE_INCONSISTENT) }
        }
        return KeyParts(type: .certificate, value: Secret(certificate.der))
    }

    private static func stripped(_ number: some Collection<UInt8>) -> [UInt8] { Array(number.drop { $0 == 0 }) }

    // MARK: Asymmetric keys

    private static func privateKey(_ draft: ObjectDraft, _ context: LibraryContext) throws(CKError) -> KeyParts {
        let components: PrivateKey.Components
        if draft.subtype == CKK_RSA {
            // OpenSSL cannot find the primes from the exponents, and a KMS takes no key without them.
            guard draft[CKA_PRIME_1] != nil, draft[CKA_PRIME_2] != nil else { throw CKError(CKR_TEMPLATE_INCOMPLETE) }
            components = .rsa(
                PrivateKey.RSA(
                    modulus: draft[CKA_MODULUS] ?? [], publicExponent: draft[CKA_PUBLIC_EXPONENT] ?? [1, 0, 1],
                    privateExponent: Secret(draft[CKA_PRIVATE_EXPONENT] ?? []), prime1: draft.secret(CKA_PRIME_1),
                    prime2: draft.secret(CKA_PRIME_2), exponent1: draft.secret(CKA_EXPONENT_1),
                    exponent2: draft.secret(CKA_EXPONENT_2), coefficient: draft.secret(CKA_COEFFICIENT)))
        } else {
            components = .ec(curve: try draft.curve(), scalar: Secret(draft[CKA_VALUE] ?? []))
        }
        var parts: KeyParts
        let info: [UInt8]
        do throws(CryptoError) {
            let key = try PrivateKey(components, in: context)
            parts = KeyParts(type: key.kind.objectType, bits: key.kind.bits, value: try key.der())
            parts.curve = key.kind.curve
            info = try key.subjectPublicKeyInfo()
        } catch {
            throw CKError(CKR_ATTRIBUTE_VALUE_INVALID)
        }
        try requireUsefulSize(parts)
        try requireSameKey(draft, info, context)
        return parts
    }

    /// - Throws: CKR_ATTRIBUTE_VALUE_INVALID for an RSA key that no mechanism of this token takes.
    private static func requireUsefulSize(_ parts: KeyParts) throws(CKError) {
        guard parts.type == .rsa, let bits = parts.bits, !KeySizes.rsa.contains(bits) else { return }
        throw CKError(CKR_ATTRIBUTE_VALUE_INVALID)
    }

    /// What the template says of the public key must be this one's.
    ///
    /// - Throws: CKR_TEMPLATE_INCONSISTENT.
    private static func requireSameKey(
        _ draft: ObjectDraft, _ info: [UInt8], _ context: LibraryContext
    ) throws(CKError) {
        if let given = draft[CKA_PUBLIC_KEY_INFO], !given.isEmpty, given != info {
            throw CKError(CKR_TEMPLATE_INCONSISTENT)
        }
        guard draft.objectClass == CKO_PRIVATE_KEY, let point = draft[CKA_EC_POINT], !point.isEmpty else { return }
        let own = try CKError.failing { () throws(CryptoError) in
            try PublicKey(subjectPublicKeyInfo: info, in: context).components()
        }
        guard case .ec(_, let bytes) = own, point == bytes || DEROctetString.decode(point) == bytes else {
            throw CKError(CKR_TEMPLATE_INCONSISTENT)
        }
    }

    private static func publicKey(_ draft: ObjectDraft, _ context: LibraryContext) throws(CKError) -> KeyParts {
        let components: PublicKey.Components
        if draft.subtype == CKK_RSA {
            components = .rsa(modulus: draft[CKA_MODULUS] ?? [], exponent: draft[CKA_PUBLIC_EXPONENT] ?? [])
        } else {
            let curve = try draft.curve()
            let parameters = try CKError.failing { () throws(CryptoError) in try curve.ecParameters() }
            // Bare points are not the standard's, but hosts give them.
            let point = draft[CKA_EC_POINT] ?? []
            components = .ec(parameters: parameters, point: DEROctetString.decode(point) ?? point)
        }
        var parts: KeyParts
        let info: [UInt8]
        do throws(CryptoError) {
            let key = try PublicKey(components, in: context)
            let kind = try key.kind()
            info = try key.subjectPublicKeyInfo()
            parts = KeyParts(type: kind.objectType, bits: kind.bits, value: Secret(info))
            parts.curve = kind.curve
        } catch {
            throw CKError(CKR_ATTRIBUTE_VALUE_INVALID)
        }
        try requireUsefulSize(parts)
        try requireSameKey(draft, info, context)
        return parts
    }
}

extension ObjectDraft {
    fileprivate func secret(_ type: CK_ATTRIBUTE_TYPE) -> Secret? { self[type].map { Secret($0) } }

    /// The curve of CKA_EC_PARAMS, which must be one that goes with the key type.
    ///
    /// - Throws: CKR_CURVE_NOT_SUPPORTED, CKR_ATTRIBUTE_VALUE_INVALID.
    package func curve() throws(CKError) -> EllipticCurve {
        guard let parameters = self[CKA_EC_PARAMS], !parameters.isEmpty else {
            throw CKError(CKR_ATTRIBUTE_VALUE_INVALID)
        }
        guard let curve = EllipticCurve(ecParameters: ObjectDraft.mended(parameters)),
            KeyKind.ec(curve).keyType == subtype
        else { throw CKError(CKR_CURVE_NOT_SUPPORTED) }
        return curve
    }

    /// pkcs11-tool 0.23 writes a length of 11 before the ten letters of "curve25519".
    private static func mended(_ parameters: [UInt8]) -> [UInt8] {
        let name = Array("curve25519".utf8)
        return parameters == [0x13, 11] + name ? [0x13, 10] + name : parameters
    }
}

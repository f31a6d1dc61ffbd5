package import CPKCS11

/// What the standard's tables say of an attribute (section 4.1.2 and the footnotes of table 13).
package struct AttributeNotes: OptionSet, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Footnote 1: MUST be specified when the object is created with C_CreateObject.
    static var createNeeds: AttributeNotes { AttributeNotes(rawValue: 1 << 1) }
    /// 2: MUST NOT be specified when the object is created with C_CreateObject.
    static var createForbids: AttributeNotes { AttributeNotes(rawValue: 1 << 2) }
    /// 3: MUST be specified when the object is generated.
    static var generateNeeds: AttributeNotes { AttributeNotes(rawValue: 1 << 3) }
    /// 4: MUST NOT be specified when the object is generated.
    static var generateForbids: AttributeNotes { AttributeNotes(rawValue: 1 << 4) }
    /// 5: MUST be specified when the object is unwrapped.
    static var unwrapNeeds: AttributeNotes { AttributeNotes(rawValue: 1 << 5) }
    /// 6: MUST NOT be specified when the object is unwrapped.
    static var unwrapForbids: AttributeNotes { AttributeNotes(rawValue: 1 << 6) }
    /// 8: may be changed after the object is made.
    static var modifiable: AttributeNotes { AttributeNotes(rawValue: 1 << 8) }
    /// 10: only the security officer sets it to true, and this token has none.
    static var officer: AttributeNotes { AttributeNotes(rawValue: 1 << 10) }
    /// 11: cannot be changed once it is true.
    static var onceTrue: AttributeNotes { AttributeNotes(rawValue: 1 << 11) }
    /// 12: cannot be changed once it is false.
    static var onceFalse: AttributeNotes { AttributeNotes(rawValue: 1 << 12) }
    /// May be given another value in C_CopyObject, beside the modifiable ones (section 5.7.2).
    static var copyable: AttributeNotes { AttributeNotes(rawValue: 1 << 13) }

    /// 2, 4 and 6: the token alone knows it.
    static var tokenOnly: AttributeNotes { [.createForbids, .generateForbids, .unwrapForbids] }
    /// 1, 4 and 6: a part of a key that somebody brings.
    static var part: AttributeNotes { [.createNeeds, .generateForbids, .unwrapForbids] }
    /// 4 and 6.
    static var optionalPart: AttributeNotes { [.generateForbids, .unwrapForbids] }
}

package struct AttributeRule: Sendable {
    package let type: CK_ATTRIBUTE_TYPE
    package let notes: AttributeNotes

    init(_ type: CK_ATTRIBUTE_TYPE, _ notes: AttributeNotes = []) {
        self.type = type
        self.notes = notes
    }
}

/// The tables of section 4 and of the mechanisms specification, for the classes that this token has.
package enum AttributeRules {
    /// nil: the token has no such class, key type or certificate type.
    package static func rules(_ objectClass: CK_OBJECT_CLASS, _ type: CK_ULONG?) -> [AttributeRule]? {
        switch objectClass {
        case CKO_DATA: storage + data
        case CKO_CERTIFICATE: type == CKC_X_509 ? storage + certificate : nil
        case CKO_PUBLIC_KEY: type.flatMap(publicParts).map { storage + key + publicKey + $0 }
        case CKO_PRIVATE_KEY: type.flatMap(privateParts).map { storage + key + secrecy + privateKey + $0 }
        case CKO_SECRET_KEY: type.flatMap(secretParts).map { storage + key + secrecy + secretKey + $0 }
        default: nil
        }
    }

    private static var storage: [AttributeRule] {
        [
            AttributeRule(CKA_CLASS, .createNeeds), AttributeRule(CKA_TOKEN, .copyable),
            AttributeRule(CKA_PRIVATE, .copyable), AttributeRule(CKA_MODIFIABLE, .copyable),
            AttributeRule(CKA_LABEL, .modifiable), AttributeRule(CKA_COPYABLE, [.modifiable, .onceFalse]),
            AttributeRule(CKA_DESTROYABLE, .copyable), AttributeRule(CKA_UNIQUE_ID, .tokenOnly),
        ]
    }

    private static var data: [AttributeRule] {
        [AttributeRule(CKA_APPLICATION), AttributeRule(CKA_OBJECT_ID), AttributeRule(CKA_VALUE)]
    }

    /// Section 4.6.2 and 4.6.3. The value is needed: this token keeps certificates and no addresses of certificates.
    private static var certificate: [AttributeRule] {
        [
            AttributeRule(CKA_CERTIFICATE_TYPE, .createNeeds), AttributeRule(CKA_TRUSTED, .officer),
            AttributeRule(CKA_CERTIFICATE_CATEGORY), AttributeRule(CKA_CHECK_VALUE), AttributeRule(CKA_START_DATE),
            AttributeRule(CKA_END_DATE), AttributeRule(CKA_PUBLIC_KEY_INFO), AttributeRule(CKA_SUBJECT, .createNeeds),
            AttributeRule(CKA_ID, .modifiable), AttributeRule(CKA_ISSUER), AttributeRule(CKA_SERIAL_NUMBER),
            AttributeRule(CKA_VALUE, .createNeeds), AttributeRule(CKA_URL),
            AttributeRule(CKA_HASH_OF_SUBJECT_PUBLIC_KEY), AttributeRule(CKA_HASH_OF_ISSUER_PUBLIC_KEY),
            AttributeRule(CKA_JAVA_MIDP_SECURITY_DOMAIN), AttributeRule(CKA_NAME_HASH_ALGORITHM),
        ]
    }

    private static var key: [AttributeRule] {
        [
            AttributeRule(CKA_KEY_TYPE, [.createNeeds, .unwrapNeeds]), AttributeRule(CKA_ID, .modifiable),
            AttributeRule(CKA_START_DATE, .modifiable), AttributeRule(CKA_END_DATE, .modifiable),
            AttributeRule(CKA_DERIVE, .modifiable), AttributeRule(CKA_LOCAL, .tokenOnly),
            AttributeRule(CKA_KEY_GEN_MECHANISM, .tokenOnly), AttributeRule(CKA_ALLOWED_MECHANISMS),
        ]
    }

    private static var publicKey: [AttributeRule] {
        [
            AttributeRule(CKA_SUBJECT, .modifiable), AttributeRule(CKA_ENCRYPT, .modifiable),
            AttributeRule(CKA_VERIFY, .modifiable), AttributeRule(CKA_VERIFY_RECOVER, .modifiable),
            AttributeRule(CKA_WRAP, .modifiable), AttributeRule(CKA_TRUSTED, .officer),
            AttributeRule(CKA_PUBLIC_KEY_INFO, .optionalPart),
        ]
    }

    /// Common to private and secret keys.
    private static var secrecy: [AttributeRule] {
        [
            AttributeRule(CKA_SENSITIVE, [.modifiable, .onceTrue]), AttributeRule(CKA_DECRYPT, .modifiable),
            AttributeRule(CKA_SIGN, .modifiable), AttributeRule(CKA_UNWRAP, .modifiable),
            AttributeRule(CKA_EXTRACTABLE, [.modifiable, .onceFalse]),
            AttributeRule(CKA_ALWAYS_SENSITIVE, .tokenOnly), AttributeRule(CKA_NEVER_EXTRACTABLE, .tokenOnly),
            AttributeRule(CKA_WRAP_WITH_TRUSTED, [.modifiable, .onceTrue]),
        ]
    }

    private static var privateKey: [AttributeRule] {
        [
            AttributeRule(CKA_SUBJECT, .modifiable), AttributeRule(CKA_SIGN_RECOVER, .modifiable),
            AttributeRule(CKA_ALWAYS_AUTHENTICATE), AttributeRule(CKA_PUBLIC_KEY_INFO, .optionalPart),
        ]
    }

    private static var secretKey: [AttributeRule] {
        [
            AttributeRule(CKA_ENCRYPT, .modifiable), AttributeRule(CKA_VERIFY, .modifiable),
            AttributeRule(CKA_WRAP, .modifiable), AttributeRule(CKA_TRUSTED, .officer),
            AttributeRule(CKA_CHECK_VALUE),
        ]
    }

    // MARK: By key type (mechanisms specification)

    private static func publicParts(_ type: CK_KEY_TYPE) -> [AttributeRule]? {
        switch type {
        case CKK_RSA:
            [
                AttributeRule(CKA_MODULUS, [.createNeeds, .generateForbids]),
                AttributeRule(CKA_MODULUS_BITS, [.createForbids, .generateNeeds]),
                AttributeRule(CKA_PUBLIC_EXPONENT, .createNeeds),
            ]
        case CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY:
            [
                AttributeRule(CKA_EC_PARAMS, [.createNeeds, .generateNeeds]),
                AttributeRule(CKA_EC_POINT, [.createNeeds, .generateForbids]),
            ]
        default: nil
        }
    }

    private static func privateParts(_ type: CK_KEY_TYPE) -> [AttributeRule]? {
        switch type {
        case CKK_RSA:
            [AttributeRule(CKA_MODULUS, .part), AttributeRule(CKA_PRIVATE_EXPONENT, .part)]
                + [
                    CKA_PUBLIC_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT,
                ].map { AttributeRule($0, .optionalPart) }
        case CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY:
            [
                AttributeRule(CKA_EC_PARAMS, .part), AttributeRule(CKA_VALUE, .part),
                // Not the standard's, but hosts give the public point with the private key.
                AttributeRule(CKA_EC_POINT, .optionalPart),
            ]
        default: nil
        }
    }

    private static func secretParts(_ type: CK_KEY_TYPE) -> [AttributeRule]? {
        switch SecretKeyType.of(type)?.hasFixedLength {
        case nil: nil
        case true?: [AttributeRule(CKA_VALUE, .part)]
        case false?:
            // Footnote 6 forbids the length when a key is unwrapped; hosts give it all the same, and then it is checked.
            [AttributeRule(CKA_VALUE, .part), AttributeRule(CKA_VALUE_LEN, [.createForbids, .generateNeeds])]
        }
    }
}

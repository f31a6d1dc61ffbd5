internal import CPKCS11
internal import OpenSSLCrypto

/// X.509 certificates (section 4.6.3). CKA_ID is that of the key they belong to: the stored one, else the key's hash.
enum CertificateObjects {
    static func make(_ source: ObjectSource) throws(CryptoError) -> [Object] {
        guard let der = source.description.value else { throw CryptoError("the KMS gives no certificate") }
        let certificate = try Certificate(der: der, in: source.context)
        let info = certificate.subjectPublicKeyInfo
        let id =
            if let stored = source.storedID { stored } else {
                try PublicKey.identifier(subjectPublicKeyInfo: info, in: source.context)
            }

        var attributes = AttributeSet()
        attributes.setStorageAttributes(source, CKO_CERTIFICATE, isPrivate: false)
        // First, so that what is part of it takes no room of its own.
        attributes.set(CKA_VALUE, certificate.der)
        attributes.set(CKA_CERTIFICATE_TYPE, CKC_X_509)
        attributes.set(CKA_TRUSTED, false)
        attributes.set(
            CKA_CERTIFICATE_CATEGORY,
            certificate.isAuthority ? CK_CERTIFICATE_CATEGORY_AUTHORITY : CK_CERTIFICATE_CATEGORY_UNSPECIFIED)
        attributes.set(CKA_CHECK_VALUE, certificate.checkValue)
        attributes.set(CKA_START_DATE, bytes(certificate.notBefore))
        attributes.set(CKA_END_DATE, bytes(certificate.notAfter))
        attributes.set(CKA_PUBLIC_KEY_INFO, info)
        attributes.set(CKA_SUBJECT, certificate.subject)
        attributes.set(CKA_ID, id)
        attributes.set(CKA_ISSUER, certificate.issuer)
        attributes.set(CKA_SERIAL_NUMBER, certificate.serialNumber)
        attributes.set(CKA_URL, [])
        attributes.set(CKA_JAVA_MIDP_SECURITY_DOMAIN, CK_SECURITY_DOMAIN_UNSPECIFIED)
        for type in [CKA_HASH_OF_SUBJECT_PUBLIC_KEY, CKA_HASH_OF_ISSUER_PUBLIC_KEY] { attributes.set(type, []) }
        attributes.set(CKA_NAME_HASH_ALGORITHM, CKM_SHA_1)
        return [try source.object(CKO_CERTIFICATE, attributes, key: nil)]
    }

    private static func bytes(_ date: Certificate.CalendarDate?) -> [UInt8] {
        guard let date else { return [] }
        return DateAttribute.bytes(year: date.year, month: date.month, day: date.day)
    }
}

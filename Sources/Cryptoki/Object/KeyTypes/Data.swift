internal import CPKCS11
internal import OpenSSLCrypto

/// Data objects (section 4.5): opaque objects of the KMS. A listing of the KMS has no values, so CKA_VALUE is asked
/// for when it is read.
enum DataObjects {
    static func make(_ source: ObjectSource) throws(CryptoError) -> [Object] {
        var attributes = AttributeSet()
        attributes.setStorageAttributes(source, CKO_DATA, isPrivate: true)
        attributes.set(CKA_APPLICATION, [])
        attributes.set(CKA_OBJECT_ID, [])
        if let value = source.description.value {
            attributes.set(CKA_VALUE, value)
        } else {
            attributes.setSecret(CKA_VALUE, isReadable: source.description.operations.contains(.export))
        }
        return [try source.object(CKO_DATA, attributes, key: nil)]
    }
}

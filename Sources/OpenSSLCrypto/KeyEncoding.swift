internal import COpenSSL

/// DER of keys through OpenSSL's i2d functions.
enum KeyEncoding {
    typealias Encoder = (OpaquePointer, UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32

    /// EC points are written uncompressed: PKCS#11 wants them so, and not every client can expand one.
    ///
    /// Called once, while nobody else has the key: setting a parameter changes it.
    static func preferUncompressed(_ key: OpaquePointer) {
        ERR_set_mark()
        defer { ERR_pop_to_mark() }
        if EVP_PKEY_is_a(key, "EC") == 1 {
            EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed")
        }
    }

    static func encode(_ key: OpaquePointer, _ i2d: Encoder) throws(CryptoError) -> [UInt8] {
        ERR_set_mark()
        defer { ERR_pop_to_mark() }
        return try DER.encode("the key") { i2d(key, $0) }
    }
}

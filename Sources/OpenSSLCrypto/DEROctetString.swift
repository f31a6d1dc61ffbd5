internal import COpenSSL

/// DER OCTET STRING, the form of CKA_EC_POINT.
package enum DEROctetString {
    package static func encode(_ content: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard let string = ASN1_OCTET_STRING_new() else { throw CryptoError("out of memory") }
        defer { ASN1_OCTET_STRING_free(string) }
        guard let count = Int32(exactly: content.count), ASN1_OCTET_STRING_set(string, content, count) == 1 else {
            throw CryptoError("cannot encode the EC point")
        }
        return try DER.encode("the EC point") { i2d_ASN1_OCTET_STRING(string, $0) }
    }

    /// The content; nil unless `der` is one OCTET STRING in DER, not merely BER, with nothing behind it.
    package static func decode(_ der: [UInt8]) -> [UInt8]? {
        ERR_set_mark()
        defer { ERR_pop_to_mark() }
        let content = der.withUnsafeBufferPointer { buffer -> [UInt8]? in
            var next = buffer.baseAddress
            guard let string = d2i_ASN1_OCTET_STRING(nil, &next, buffer.count) else { return nil }
            defer { ASN1_OCTET_STRING_free(string) }
            let count = Int(ASN1_STRING_length(string))
            return Array(UnsafeBufferPointer(start: ASN1_STRING_get0_data(string), count: count))
        }
        guard let content, (try? encode(content)) == der else { return nil }
        return content
    }
}

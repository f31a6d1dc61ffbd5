internal import COpenSSL

/// ECDSA signatures: DER `SEQUENCE{r, s}` at the KMS, `r ‖ s` of fixed width in PKCS#11 (section 2.3.1 of the
/// mechanisms specification).
package enum ECDSASignature {
    /// - Parameter width: bytes of the curve's order; r and s are padded to it on the left.
    package static func fixedWidth(der: [UInt8], width: Int) throws(CryptoError) -> [UInt8] {
        ERR_set_mark()
        defer { ERR_pop_to_mark() }
        let signature = der.withUnsafeBufferPointer { buffer -> OpaquePointer? in
            var next = buffer.baseAddress
            let signature = d2i_ECDSA_SIG(nil, &next, buffer.count)
            guard next == buffer.baseAddress.map({ $0 + buffer.count }) else {
                ECDSA_SIG_free(signature)
                return nil
            }
            return signature
        }
        guard let signature else { throw CryptoError("not a DER ECDSA signature") }
        defer { ECDSA_SIG_free(signature) }
        var bytes = [UInt8](repeating: 0, count: width * 2)
        let placed = bytes.withUnsafeMutableBufferPointer { buffer -> Bool in
            guard let base = buffer.baseAddress else { return false }
            return BN_bn2binpad(ECDSA_SIG_get0_r(signature), base, Int32(width)) == Int32(width)
                && BN_bn2binpad(ECDSA_SIG_get0_s(signature), base + width, Int32(width)) == Int32(width)
        }
        guard placed else { throw CryptoError("the ECDSA signature is longer than its curve") }
        return bytes
    }

    /// - Parameter bytes: r ‖ s, two halves of one width.
    package static func der(fixedWidth bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard !bytes.isEmpty, bytes.count.isMultiple(of: 2), bytes.count <= 132 else {
            throw CryptoError("\(bytes.count) bytes are no ECDSA signature")
        }
        guard let signature = ECDSA_SIG_new() else { throw CryptoError("out of memory") }
        defer { ECDSA_SIG_free(signature) }
        let width = bytes.count / 2
        let r = BN_bin2bn(Array(bytes.prefix(width)), Int32(width), nil)
        let s = BN_bin2bn(Array(bytes.suffix(width)), Int32(width), nil)
        guard ECDSA_SIG_set0(signature, r, s) == 1 else {
            BN_free(r)
            BN_free(s)
            throw CryptoError("out of memory")
        }
        return try DER.encode("the ECDSA signature") { i2d_ECDSA_SIG(signature, $0) }
    }
}

internal import COpenSSL

/// ECDSA signatures: DER `SEQUENCE{r, s}` at the KMS, `r ‖ s` of fixed width in PKCS#11 (section 2.3.1 of the
/// mechanisms specification).
package enum ECDSASignature {
    /// - Parameter width: bytes of the curve's order; r and s are padded to it on the left.
    package static func fixedWidth(der: [UInt8], width: Int) throws(CryptoError) -> [UInt8] {
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
}

package import CPKCS11

/// C_GetAttributeValue's rules (section 5.7.5): every attribute is treated, whatever became of the others; what cannot
/// be told gets CK_UNAVAILABLE_INFORMATION as its length.
package enum AttributeReader {
    package static func read(
        _ object: Object, of token: Token, _ template: CK_ATTRIBUTE_PTR?, _ count: CK_ULONG
    ) throws(CKError) {
        guard let count = Int(exactly: count), count <= 1_024, count == 0 || template != nil else {
            throw CKError(CKR_ARGUMENTS_BAD)
        }
        guard let template else { return }
        // Values that only an export tells cost a round trip, once for the whole template. When the KMS refuses, the
        // other attributes are told all the same.
        let asksForExport = (0..<count).contains { index in
            if case .exported = object.attributes[template[index].type] { true } else { false }
        }
        var attributes = object.attributes
        var failure: CKError?
        var isSecret = false
        if asksForExport {
            do throws(CKError) {
                attributes = try token.readableAttributes(object)
                isSecret = true
            } catch {
                failure = error
            }
        }
        defer { if isSecret { attributes.wipe() } }
        for index in 0..<count {
            do throws(CKError) {
                template[index].ulValueLen = try value(attributes, template[index])
            } catch {
                template[index].ulValueLen = CK_UNAVAILABLE_INFORMATION
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    /// Copies one value out and returns its length.
    private static func value(_ attributes: AttributeSet, _ attribute: CK_ATTRIBUTE) throws(CKError) -> CK_ULONG {
        switch attributes[attribute.type] {
        case nil: throw CKError(CKR_ATTRIBUTE_TYPE_INVALID)
        case .sensitive, .exported: throw CKError(CKR_ATTRIBUTE_SENSITIVE)
        case .bytes(let bytes):
            guard let target = attribute.pValue else { return CK_ULONG(bytes.count) }
            guard attribute.ulValueLen >= CK_ULONG(bytes.count) else { throw CKError(CKR_BUFFER_TOO_SMALL) }
            bytes.withUnsafeBytes { source in
                if let base = source.baseAddress { target.copyMemory(from: base, byteCount: source.count) }
            }
            return CK_ULONG(bytes.count)
        }
    }
}

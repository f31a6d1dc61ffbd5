package import CPKCS11

/// A template: the caller's attributes, copied.
package struct Template: Sendable {
    package struct Attribute: Sendable {
        package let type: CK_ATTRIBUTE_TYPE
        package let value: [UInt8]
    }

    package let attributes: [Attribute]

    /// More attributes than this in one template is a mistake, not a template.
    private static var limit: Int { 1_024 }

    /// In bytes. The value of a data object is the longest that anybody gives, and KMSs take less.
    private static var longestValue: CK_ULONG { 1 << 20 }

    /// - Throws: CKR_ARGUMENTS_BAD for a null template with a count, CKR_ATTRIBUTE_VALUE_INVALID for a null or absurd
    ///   value.
    package init(_ pointer: CK_ATTRIBUTE_PTR?, _ count: CK_ULONG) throws(CKError) {
        guard let count = Int(exactly: count), count <= Template.limit else { throw CKError(CKR_ARGUMENTS_BAD) }
        guard count > 0 else {
            attributes = []
            return
        }
        guard let pointer else { throw CKError(CKR_ARGUMENTS_BAD) }
        var copied: [Attribute] = []
        for index in 0..<count {
            // Hosts may hand us a packed array, so the loads are unaligned.
            let attribute = UnsafeRawPointer(pointer).loadUnaligned(
                fromByteOffset: index * MemoryLayout<CK_ATTRIBUTE>.stride, as: CK_ATTRIBUTE.self)
            guard attribute.ulValueLen <= Template.longestValue,
                let bytes = try? Input(raw: attribute.pValue.map { UnsafeRawPointer($0) }, attribute.ulValueLen).bytes()
            else { throw CKError(CKR_ATTRIBUTE_VALUE_INVALID) }
            copied.append(Attribute(type: attribute.type, value: Array(bytes)))
        }
        attributes = copied
    }

    /// The CKA_LABEL that is asked for, so that the KMS can be asked for this name alone.
    package var label: String? {
        guard let value = attributes.first(where: { $0.type == CKA_LABEL })?.value, !value.isEmpty else { return nil }
        return String(validating: value, as: UTF8.self)
    }

    /// What the template says of CKA_TOKEN.
    package var token: Bool? {
        attributes.first { $0.type == CKA_TOKEN }.map { $0.value == [CK_TRUE] }
    }

    package func number(_ type: CK_ATTRIBUTE_TYPE) -> CK_ULONG? {
        attributes.first { $0.type == type }?.value.number
    }

    package func value(_ type: CK_ATTRIBUTE_TYPE) -> [UInt8]? { attributes.first { $0.type == type }?.value }

    func without(_ type: CK_ATTRIBUTE_TYPE) -> Template { Template(attributes: attributes.filter { $0.type != type }) }

    /// The attributes of a view that differ from those of the key that it shows.
    init(changesOf object: Object, since original: Object) {
        attributes = AttributeTable.rows.compactMap { row in
            guard row.type != CKA_UNIQUE_ID, row.type != CKA_TOKEN, let value = object.attributes.value(row.type),
                original.attributes.value(row.type) != value
            else { return nil }
            return Attribute(type: row.type, value: value)
        }
    }

    init(_ values: [CK_ATTRIBUTE_TYPE: [UInt8]]) {
        attributes = values.map { Attribute(type: $0.key, value: $0.value) }
    }

    private init(attributes: [Attribute]) { self.attributes = attributes }

    func matches(_ object: Object) -> Bool {
        attributes.allSatisfy { object.attributes.matches($0.type, $0.value) }
    }
}

internal import CPKCS11
internal import KMSBackend
internal import KMSModel

/// What C_SetAttributeValue and C_CopyObject may do to an object that exists (footnotes 8, 11 and 12).
enum AttributeChange {
    /// - Throws: CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_READ_ONLY,
    ///   CKR_TEMPLATE_INCONSISTENT for an attribute that is there twice.
    static func check(_ template: Template, of object: Object, isCopy: Bool) throws(CKError) {
        let subtype = object.attributes.number(CKA_KEY_TYPE) ?? object.attributes.number(CKA_CERTIFICATE_TYPE)
        guard let rules = AttributeRules.rules(object.objectClass, subtype) else {
            throw CKError(CKR_ATTRIBUTE_READ_ONLY)
        }
        var seen: [CK_ATTRIBUTE_TYPE: [UInt8]] = [:]
        for attribute in template.attributes {
            guard seen.updateValue(attribute.value, forKey: attribute.type) ?? attribute.value == attribute.value else {
                throw CKError(CKR_TEMPLATE_INCONSISTENT)
            }
            guard let row = AttributeTable.row(attribute.type),
                let rule = rules.first(where: { $0.type == attribute.type })
            else { throw CKError(CKR_ATTRIBUTE_TYPE_INVALID) }
            guard row.accepts(attribute.value) else { throw CKError(CKR_ATTRIBUTE_VALUE_INVALID) }
            // Saying again what holds is no change.
            if object.attributes.matches(attribute.type, attribute.value) { continue }
            let may: AttributeNotes = isCopy ? [.modifiable, .copyable] : .modifiable
            guard !rule.notes.isDisjoint(with: may),
                !(rule.notes.contains(.onceTrue) && object.attributes.flag(attribute.type)),
                !(rule.notes.contains(.onceFalse) && !object.attributes.flag(attribute.type))
            else { throw CKError(CKR_ATTRIBUTE_READ_ONLY) }
        }
    }

    /// The attributes of a session object after the change.
    static func apply(_ template: Template, to object: Object) -> AttributeSet {
        var attributes = object.attributes
        // A copy is a session object unless the template says otherwise (section 5.7.2 leaves it to the template).
        for attribute in template.attributes { attributes.set(attribute.type, attribute.value) }
        guard attributes.flag(CKA_SENSITIVE) || !attributes.flag(CKA_EXTRACTABLE) else { return attributes }
        for row in AttributeTable.rows {
            if case .exported = attributes[row.type], object.objectClass != CKO_DATA {
                attributes.setSecret(row.type, isReadable: false)
            }
        }
        return attributes
    }

    /// The same for the security object of a token object.
    static func apply(_ template: Template, of object: Object, to description: inout KeyDescription) {
        let isPublicFace = object.objectClass == CKO_PUBLIC_KEY && !description.isPublicOnly
        let prefix = isPublicFace ? ObjectSource.publicPrefix : ""
        let usages = object.key.map { KeyUsage.rows(object.objectClass, $0.keyType) } ?? []
        var operations = description.operations.values
        for attribute in template.attributes {
            guard let row = AttributeTable.row(attribute.type) else { continue }
            let isTrue = attribute.value == [CK_TRUE]
            if let usage = usages.first(where: { $0.attribute == attribute.type }) {
                if isTrue { operations.insert(usage.operation) } else { operations.remove(usage.operation) }
                row.storedName.map { description.attributes[prefix + $0] = nil }
                continue
            }
            switch attribute.type {
            case CKA_EXTRACTABLE: if !isTrue { operations.remove(.export) }
            case CKA_SENSITIVE: description.attributes["sensitive"] = isTrue ? nil : Array("false".utf8)
            default:
                guard let name = row.storedName else { continue }
                description.attributes[prefix + name] = row.stored(attribute.value)
            }
        }
        description.operations = KeyOperations(operations)
    }
}

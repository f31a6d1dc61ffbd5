package import CPKCS11

/// A template that has passed the standard's rules for what it is meant to make (section 4.1.1): every attribute is one
/// that the object has, may be given, and has the right form; none that is needed is missing.
package struct ObjectDraft: Sendable {
    package enum Origin: Sendable { case create, generate, unwrap, derive }

    package let objectClass: CK_OBJECT_CLASS
    /// Key type or certificate type; nil for data.
    package let subtype: CK_ULONG?
    package let origin: Origin
    private var values: [CK_ATTRIBUTE_TYPE: [UInt8]] = [:]

    /// - Parameters:
    ///   - objectClass: what the function or mechanism makes; nil: the template must say.
    ///   - subtype: the same for the key type.
    /// - Throws: CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_TYPE_INVALID,
    ///   CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_READ_ONLY.
    package init(
        _ template: Template, _ origin: Origin, class objectClass: CK_OBJECT_CLASS? = nil,
        subtype: CK_ULONG? = nil
    ) throws(CKError) {
        self.origin = origin
        for attribute in template.attributes {
            guard values[attribute.type] == nil || values[attribute.type] == attribute.value else {
                throw CKError(CKR_TEMPLATE_INCONSISTENT)
            }
            values[attribute.type] = attribute.value
        }
        self.objectClass = try ObjectDraft.resolve(values[CKA_CLASS], objectClass)
        switch self.objectClass {
        case CKO_CERTIFICATE: self.subtype = try ObjectDraft.resolve(values[CKA_CERTIFICATE_TYPE], subtype)
        case CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_SECRET_KEY:
            self.subtype = try ObjectDraft.resolve(values[CKA_KEY_TYPE], subtype)
        default: self.subtype = nil
        }
        guard let rules = AttributeRules.rules(self.objectClass, self.subtype) else {
            throw CKError(CKR_ATTRIBUTE_VALUE_INVALID)
        }
        for (type, value) in values { try ObjectDraft.check(type, value, rules, origin) }
        for rule in rules where values[rule.type] == nil && isNeeded(rule) {
            throw CKError(CKR_TEMPLATE_INCOMPLETE)
        }
    }

    private static func resolve(_ given: [UInt8]?, _ implied: CK_ULONG?) throws(CKError) -> CK_ULONG {
        guard let given else {
            guard let implied else { throw CKError(CKR_TEMPLATE_INCOMPLETE) }
            return implied
        }
        guard let number = given.number else { throw CKError(CKR_ATTRIBUTE_VALUE_INVALID) }
        guard implied == nil || implied == number else { throw CKError(CKR_TEMPLATE_INCONSISTENT) }
        return number
    }

    private static func check(
        _ type: CK_ATTRIBUTE_TYPE, _ value: [UInt8], _ rules: [AttributeRule], _ origin: Origin
    ) throws(CKError) {
        guard let row = AttributeTable.row(type), let rule = rules.first(where: { $0.type == type }) else {
            throw CKError(CKR_ATTRIBUTE_TYPE_INVALID)
        }
        let forbids: AttributeNotes =
            switch origin {
            case .create: .createForbids
            case .generate: .generateForbids
            case .unwrap, .derive: .unwrapForbids
            }
        guard rule.notes.isDisjoint(with: forbids) else { throw CKError(CKR_ATTRIBUTE_READ_ONLY) }
        guard row.accepts(value) else { throw CKError(CKR_ATTRIBUTE_VALUE_INVALID) }
        if rule.notes.contains(.officer), value == [CK_TRUE] { throw CKError(CKR_ATTRIBUTE_READ_ONLY) }
    }

    private func isNeeded(_ rule: AttributeRule) -> Bool {
        switch origin {
        case .create: rule.notes.contains(.createNeeds)
        // Class and type follow from the mechanism.
        case .generate: rule.notes.contains(.generateNeeds)
        // The type may follow from the mechanism here as well.
        case .unwrap: rule.notes.contains(.unwrapNeeds) && subtype == nil
        case .derive: false
        }
    }

    // MARK: Values

    package subscript(type: CK_ATTRIBUTE_TYPE) -> [UInt8]? {
        get { values[type] }
        set { values[type] = newValue }
    }

    package func flag(_ type: CK_ATTRIBUTE_TYPE) -> Bool? { values[type].map { $0 == [CK_TRUE] } }
    package func number(_ type: CK_ATTRIBUTE_TYPE) -> CK_ULONG? { values[type]?.number }

    /// What the template says, for those that must be kept beside the key.
    var given: [CK_ATTRIBUTE_TYPE: [UInt8]] { values }

    package var isToken: Bool { flag(CKA_TOKEN) ?? false }
    package var isPrivate: Bool { flag(CKA_PRIVATE) ?? ObjectDraft.isPrivateByDefault(objectClass) }
    /// An unwrapped key was outside already, so it may go there again (section 5.18.4).
    package var isExtractable: Bool { flag(CKA_EXTRACTABLE) ?? (origin == .unwrap) }

    /// Secret keys are not sensitive unless somebody says so (section 4.10); for private keys the default is the token's.
    package var isSensitive: Bool { flag(CKA_SENSITIVE) ?? (objectClass == CKO_PRIVATE_KEY) }

    package static func isPrivateByDefault(_ objectClass: CK_OBJECT_CLASS) -> Bool {
        switch objectClass {
        case CKO_PRIVATE_KEY, CKO_SECRET_KEY, CKO_DATA: true
        default: false
        }
    }
}

internal import CPKCS11
internal import KMSBackend

/// What a search asks the KMS for.
enum SearchScope: Hashable, Sendable {
    case everything
    case label(String)
    /// Objects of one class: hosts look so for the key that goes with a certificate.
    case id([UInt8], CK_OBJECT_CLASS)
    /// No KMS has such a name, and the query would not fit a URL.
    case nothing

    /// In bytes, of labels and ids.
    private static var longest: Int { 4_096 }

    init(_ template: Template) {
        if let label = template.label {
            self = label.utf8.count <= SearchScope.longest ? .label(label) : .nothing
        } else if let id = template.value(CKA_ID), let objectClass = template.number(CKA_CLASS), !id.isEmpty,
            id.count <= SearchScope.longest
        {
            self = .id(id, objectClass)
        } else {
            self = .everything
        }
    }

    var query: KeyQuery {
        switch self {
        case .everything, .nothing: KeyQuery()
        case .label(let label): KeyQuery(label: label)
        case .id(let id, _): KeyQuery(storedID: id)
        }
    }

    /// Whether a search for this would find the object, as far as the scope goes.
    func covers(_ object: Object) -> Bool {
        switch self {
        case .everything: true
        case .label(let label): object.attributes.matches(CKA_LABEL, label.utf8)
        case .id(let id, let objectClass): object.objectClass == objectClass && object.hasID(id)
        case .nothing: false
        }
    }

    /// Whether the KMS would have named the object among those of this scope, if it still had it. It knows only what
    /// is stored.
    func wouldList(_ object: Object) -> Bool {
        switch self {
        case .id(let id, _): object.hasStoredID && object.hasID(id)
        default: covers(object)
        }
    }
}

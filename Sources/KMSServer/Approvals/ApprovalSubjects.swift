internal import GRDB
internal import KMSModel

/// Finds out what a request is about, to ask the right approvers: the ids in its path, and the objects that its body
/// names.
///
/// What is overlooked here is not lost: the request is then refused when it is run, because the group that it touches
/// has not approved it.
struct ApprovalSubjects {
    private(set) var subjects: Set<ApprovalRecord.Subject> = []
    /// Of the objects, and those named themselves.
    private(set) var groups: Set<String> = []

    /// Fields of bodies that hold an object's name or id.
    private static var fields: Set<String> { ["name", "kid", "subject_key", "issuer_key", "issuer_cert"] }
    private static var deepest: Int { 16 }

    private let principal: Principal
    private let guarded: GuardedGroups
    private let db: Database

    init(_ draft: ApprovalDraft, of principal: Principal, _ guarded: GuardedGroups, in db: Database) throws {
        self.principal = principal
        self.guarded = guarded
        self.db = db
        let path = draft.operation.prefix { $0 != "?" }
        for part in path.split(separator: "/") { try add(id: part.lowercased()) }
        if let body = draft.body { try add(body, depth: 0) }
    }

    private mutating func add(_ value: JSONValue, depth: Int) throws {
        guard depth < ApprovalSubjects.deepest else { return }
        switch value {
        case .array(let items):
            for item in items { try add(item, depth: depth + 1) }
        case .object(let fields):
            for (name, value) in fields {
                if case .text(let text) = value, ApprovalSubjects.fields.contains(name) {
                    try add(id: text.lowercased())
                    try add(try KeyStore.find(name: text, account: principal.acctID, in: db)?.object)
                } else {
                    try add(value, depth: depth + 1)
                }
            }
        case .null, .flag, .integer, .number, .text: break
        }
    }

    private mutating func add(id: String) throws {
        try add(try KeyStore.find(kid: id, account: principal.acctID, in: db)?.object)
        if principal.groups?.contains(id) ?? true,
            try GroupStore.find(id: id, account: principal.acctID, in: db) != nil
        {
            subjects.insert(.init(group: id))
            groups.insert(id)
        }
        if let plugin = try PluginStore.find(id: id, account: principal.acctID, in: db),
            Policy.isVisible(plugin, to: principal)
        {
            subjects.insert(.init(plugin: id))
        }
        if let app = try AppStore.find(id: id, in: db), Policy.isVisible(app, to: principal) {
            add(.init(app: id), approver: id)
        }
        if let user = try UserStore.find(id: id, account: principal.acctID, in: db),
            Policy.isVisible(user, to: principal)
        {
            add(.init(user: id), approver: id)
        }
    }

    /// The credential of an approver is the affair of all groups that the approver decides for.
    private mutating func add(_ subject: ApprovalRecord.Subject, approver: String) {
        subjects.insert(subject)
        groups.formUnion(guarded.decided(by: approver))
    }

    /// Nobody learns of objects that they do not see.
    private mutating func add(_ object: Sobject?) throws {
        guard let object, Policy.isVisible(object, to: principal), let kid = object.kid else { return }
        subjects.insert(.init(sobject: kid))
        if let group = object.groupID { groups.insert(group) }
    }
}

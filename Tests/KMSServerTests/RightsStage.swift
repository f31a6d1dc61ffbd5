import FoundationEssentials
import GRDB
import HTTPTypes
import KMSModel
import KMSServer
import KMSSupport
import Testing

/// Who asks in the rights matrix.
enum Caller: String, CaseIterable {
    case administrator, groupAdministrator, groupAuditor, foreignMember, auditor
    case appWithAll, appWithNeeded, appWithoutNeeded, foreignApp, disabledApp, anonymous

    var isApp: Bool { [.appWithAll, .appWithNeeded, .appWithoutNeeded, .foreignApp, .disabledApp].contains(self) }
}

/// How the object is about which is asked.
enum Condition: String, CaseIterable {
    case preActive, active, deactivated, compromised, destroyed, disabled

    func apply(to record: KeyRecord) -> KeyRecord {
        var record = record
        switch self {
        case .preActive:
            record.object.state = .preActive
            record.object.activationDate = nil
        case .active: break
        case .deactivated: record.object.state = .deactivated
        case .compromised: record.object.state = .compromised
        case .disabled: record.object.enabled = false
        case .destroyed:
            record.object.state = .destroyed
            record.object.pubKey = nil
            record.sealedValue = nil
        }
        return record
    }
}

/// A KMS with everybody and everything that the rights matrix needs. The keys are `ec`, `aes`, which are in a
/// condition, and `peer` and `subject`, which are Active.
struct RightsStage: Sendable {
    let kms: TestKMS
    let account: String
    /// The group that the keys are in.
    let group: String
    let kids: [String: String]
    /// `subject`, wrapped by `aes`.
    let wrapped: String
    private let people: [Caller: TestKMS.Person]
    private let apps: [Caller: TestKMS.TestApp]
    private let records: [KeyRecord]

    init(_ kms: TestKMS) async throws {
        self.kms = kms
        let admin = try await kms.administrator()
        account = try await kms.account()
        let main = try await kms.app("main")
        let foreign = try await kms.app("foreign")
        group = main.group
        var apps: [Caller: TestKMS.TestApp] = [.appWithAll: main, .foreignApp: foreign]
        for caller in [Caller.appWithNeeded, .appWithoutNeeded, .disabledApp] {
            apps[caller] = try await RightsStage.app(kms, caller.rawValue, in: main.group, as: admin)
        }
        let disabled = "/sys/v1/apps/\(apps[.disabledApp]?.id ?? "")"
        #expect(try await kms.ask(.patch, disabled, #"{"enabled":false}"#, as: admin).status == 200)
        self.apps = apps
        let own = try #require(try await kms.ask(.get, "/sys/v1/users", as: admin).json([User].self).first)
        people = [
            .administrator: .init(id: own.userID, email: own.userEmail, authorization: admin),
            .groupAdministrator: try await kms.person(
                "ga@x", .member, groups: #"{"\#(main.group)":["GROUPADMINISTRATOR"]}"#),
            .groupAuditor: try await kms.person("gu@x", .member, groups: #"{"\#(main.group)":["GROUPAUDITOR"]}"#),
            .foreignMember: try await kms.person(
                "fm@x", .member, groups: #"{"\#(foreign.group)":["GROUPADMINISTRATOR"]}"#),
            .auditor: try await kms.person("au@x", .auditor),
        ]
        let ec =
            #""obj_type":"EC","elliptic_curve":"NistP256","key_ops":["SIGN","VERIFY","AGREEKEY","EXPORT","APPMANAGEABLE"]"#
        let aes =
            #""obj_type":"AES","key_size":128,"key_ops":["ENCRYPT","DECRYPT","WRAPKEY","UNWRAPKEY","DERIVEKEY","#
            + #""MACGENERATE","MACVERIFY","EXPORT","APPMANAGEABLE"]"#
        var kids: [String: String] = [:]
        for (name, fields) in [("ec", ec), ("peer", ec), ("aes", aes), ("subject", aes)] {
            kids[name] = try await kms.key(#"{"name":"\#(name)",\#(fields)}"#, main).kid
        }
        let fixtures = kids
        self.kids = fixtures
        let wrap = #"{"key":{"name":"aes"},"subject":{"name":"subject"},"alg":"AES","mode":"KW"}"#
        let answer = try await kms.post("wrapkey", wrap, main)
        wrapped = try answer.json(WrapKeyResponse.self).wrappedKey.base64EncodedString()
        let account = account
        records = try await kms.vault.pool.read { db in
            try fixtures.values.compactMap { try KeyStore.find(kid: $0, account: account, in: db) }
        }
        #expect(records.count == 4)
    }

    private static func app(
        _ kms: TestKMS, _ name: String, in group: String, as admin: String
    ) async throws -> TestKMS.TestApp {
        let body = #"{"name":"\#(name)","add_groups":["\#(group)"]}"#
        let id = try await kms.ask(.post, "/sys/v1/apps", body, as: admin).json(App.self).appID
        let secret = try await kms.ask(.get, "/sys/v1/apps/\(id)/credential", as: admin)
            .json(AppCredentialResponse.self).credential.secret
        return .init(id: id, group: group, authorization: TestKMS.basic(id, try #require(secret)))
    }

    /// A fresh session, so that no request can spoil another's.
    func authorization(_ caller: Caller) throws -> String? {
        if let person = people[caller] {
            return "Bearer " + (try kms.vault.sessions.create(.user(person.id), account: account))
        }
        return try apps[caller].map { "Bearer " + (try kms.vault.sessions.create(.app($0.id))) }
    }

    /// Basic: API key, or email and password.
    func login(_ caller: Caller) -> String? {
        people[caller].map { TestKMS.basic($0.email, TestKMS.password) } ?? apps[caller]?.authorization
    }

    func id(_ caller: Caller) -> String { people[caller]?.id ?? apps[caller]?.id ?? "" }

    /// Gives one app the needed permissions, and another all but `without`.
    func grant(_ needed: [String], without: [String]) async throws {
        let group = group
        let all = AppPermission.allCases.filter { !without.contains($0.rawValue) }
        let some = AppPermission.allCases.filter { needed.contains($0.rawValue) }
        #expect(some.count == needed.count)
        for (caller, permissions) in [(Caller.appWithNeeded, some), (.appWithoutNeeded, all)] {
            let id = id(caller)
            try await kms.vault.pool.write { db in
                var app = try #require(try AppStore.find(id: id, in: db))
                app.groups = [group: Set(permissions)]
                try AppStore.update(app, in: db)
            }
            kms.vault.apps.forget(id)
        }
    }

    /// Puts the keys back, `ec` and `aes` in the condition, and removes all others.
    func place(_ condition: Condition) async throws {
        let placed = records.map { ["ec", "aes"].contains($0.object.name) ? condition.apply(to: $0) : $0 }
        try await kms.vault.pool.write { db in
            try db.execute(sql: "DELETE FROM sobject")
            for record in placed { try KeyStore.insert(record, in: db) }
        }
        for record in records { kms.vault.keys.forget(record.kid) }
    }

    /// An app, a user, a group or a plugin that a request may change or delete.
    func victim(_ kind: String) async throws -> String {
        let admin = try authorization(.administrator)
        let (account, group) = (account, group)
        switch kind {
        case "app":
            let body = #"{"name":"\#(newID())","add_groups":["\#(group)"]}"#
            return try await kms.ask(.post, "/sys/v1/apps", body, as: admin).json(App.self).appID
        case "group":
            return try await kms.ask(.post, "/sys/v1/groups", #"{"name":"\#(newID())"}"#, as: admin)
                .json(Group.self).groupID
        case "plugin":
            let body = #"{"name":"\#(newID())","source":{"plugin_name":"x509-ca"},"add_groups":["\#(group)"]}"#
            return try await kms.ask(.post, "/sys/v1/plugins", body, as: admin).json(Plugin.self).pluginID
        default:
            var user = UserRecord(
                id: newID(), acctID: account, email: newID() + "@x", passwordHash: "", createdAt: .now)
            user.role = .member
            try await kms.vault.pool.write { [user] db in try UserStore.insert(user, in: db) }
            return user.id
        }
    }

    /// The email of a user of another account.
    func stranger() async throws -> String {
        let account = Account(acctID: newID(), name: newID(), createdAt: .now)
        let user = UserRecord(
            id: newID(), acctID: account.acctID, email: newID() + "@x", passwordHash: "", createdAt: .now)
        try await kms.vault.pool.write { db in
            try AccountStore.insert(account, in: db)
            try UserStore.insert(user, in: db)
        }
        return user.email
    }

    /// A transient key of the caller's own, in the group.
    func transientKey(of caller: Caller) throws -> String {
        var object = try #require(records.first { $0.object.name == "subject" }).object
        object.kid = nil
        return try kms.vault.transientKeys.blob(
            of: object, Secret([UInt8](repeating: 1, count: 16)), owner: id(caller)
        ).base64EncodedString()
    }
}

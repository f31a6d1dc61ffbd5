import HTTPTypes

/// A request about an object, and what is expected of whom: written by hand, so that it is independent of Policy.
struct ObjectRow: Sendable {
    enum Form {
        case plain
        /// An array of results, whose first has the status that counts.
        case typedBatch
        case genericBatch
    }

    /// Conditions in which a key may be used for something new.
    static let now: Set<Condition> = [.active]
    /// In which what it has protected can be read.
    static let later: Set<Condition> = [.active, .deactivated, .compromised]
    static let always = Set(Condition.allCases)
    static let unlessDestroyed = always.subtracting([.destroyed])

    var route: String
    var key: String
    var needed: [String]
    /// Beside the first of `needed`.
    var alternative: String?
    var works: Set<Condition>
    /// Where it does not work.
    var otherwise = 403
    var success = 200
    /// Auditors may, and apps without a permission.
    var isReading = false
    var changes = false
    var form = Form.plain
    /// Of a part of an encryption or decryption: what begins it.
    var begins: String?
    /// <NAME>, <KID>, <NEW> (a free name), <GROUP>, <STATE> and <WRAPPED> stand for values.
    var body: String?

    var without: [String] { needed.prefix(1) + [alternative].compactMap { $0 } }
}

enum RightsTable {
    private static var key: String { #""key":{"kid":"<KID>"}"# }

    /// A request with the key in the body, and its twin with the key in the path.
    private static func twins(_ name: String, _ row: ObjectRow, fields: String) -> [ObjectRow] {
        var (inBody, inPath) = (row, row)
        inBody.route = "POST /crypto/v1/\(name)"
        inBody.body = "{\(key),\(fields)}"
        inPath.route = "POST /crypto/v1/keys/:kid/\(name)"
        inPath.body = "{\(fields)}"
        return [inBody, inPath]
    }

    private static func use(
        _ key: String, _ needed: [String], or alternative: String? = nil, in works: Set<Condition>, success: Int = 200
    ) -> ObjectRow {
        ObjectRow(
            route: "", key: key, needed: needed, alternative: alternative, works: works, success: success,
            changes: success == 201)
    }

    private static func batch(_ name: String, _ row: ObjectRow, item: String) -> ObjectRow {
        var row = row
        row.route = "POST /crypto/v1/keys/batch/\(name)"
        row.form = .typedBatch
        row.body = "[\(item)]"
        return row
    }

    private static func change(
        _ route: String, _ needed: [String], _ works: Set<Condition> = ObjectRow.always, otherwise: Int = 400,
        success: Int = 204, body: String? = nil
    ) -> ObjectRow {
        ObjectRow(
            route: route, key: "ec", needed: needed, alternative: "MANAGE", works: works, otherwise: otherwise,
            success: success, changes: true, body: body)
    }

    private static func reading(_ route: String, key: String = "ec", body: String? = nil) -> ObjectRow {
        ObjectRow(route: route, key: key, needed: [], works: ObjectRow.always, isReading: true, body: body)
    }

    static var objects: [ObjectRow] { uses + parts + batches + making + life }

    private static var block: String { "AAECAwQFBgcICQoLDA0ODw==" }

    private static var uses: [ObjectRow] {
        let sign = use("ec", ["SIGN"], in: ObjectRow.now)
        let verify = use("ec", ["VERIFY"], or: "SIGN", in: ObjectRow.later)
        let data = #""hash_alg":"SHA256","data":"AAAA""#
        let cipher = #""alg":"AES","mode":"ECB""#
        let digest = use("aes", ["CALCULATE_DIGEST"], in: ObjectRow.later)
        var rows = twins("sign", sign, fields: data)
        rows += twins("verify", verify, fields: #"\#(data),"signature":"AAAA""#)
        rows += twins(
            "encrypt", use("aes", ["ENCRYPT"], in: ObjectRow.now), fields: #"\#(cipher),"plain":"\#(block)""#)
        rows += twins(
            "decrypt", use("aes", ["DECRYPT"], in: ObjectRow.later), fields: #"\#(cipher),"cipher":"\#(block)""#)
        rows += twins("mac", use("aes", ["MACGENERATE"], in: ObjectRow.now), fields: #""data":"AAAA""#)
        rows += twins(
            "macverify", use("aes", ["MACVERIFY"], or: "MACGENERATE", in: ObjectRow.later),
            fields: #""data":"AAAA","mac":"AAAA""#)
        rows.append(twins("keys/digest", digest, fields: #""alg":"SHA256""#)[0])
        return rows
    }

    private static var parts: [ObjectRow] {
        var rows: [ObjectRow] = []
        for (name, permission, works, input) in [
            ("encrypt", "ENCRYPT", ObjectRow.now, "plain"), ("decrypt", "DECRYPT", ObjectRow.later, "cipher"),
        ] {
            let begin = #""alg":"AES","mode":"CTR","iv":"\#(block)""#
            let row = use("aes", [permission], in: works)
            rows += twins(name + "/init", row, fields: begin)
            var part = row
            part.begins = name
            rows += twins(name + "/update", part, fields: #""state":"<STATE>","\#(input)":"AAAA""#)
            rows += twins(name + "/final", part, fields: #""state":"<STATE>""#)
        }
        return rows
    }

    private static var batches: [ObjectRow] {
        let data = #""hash_alg":"SHA256","data":"AAAA""#
        let sign = use("ec", ["SIGN"], in: ObjectRow.now)
        let (encrypt, decrypt) = (
            use("aes", ["ENCRYPT"], in: ObjectRow.now), use("aes", ["DECRYPT"], in: ObjectRow.later)
        )
        let cipher = #""alg":"AES","mode":"ECB""#
        var generic = sign
        generic.route = "POST /batch/v1"
        generic.form = .genericBatch
        let inner = #"{"method":"POST","operation":"/crypto/v1/sign","body":{\#(key),\#(data)}}"#
        generic.body = #"{"Batch":{"batch_execution_type":"Serial","items":[{"SingleItem":\#(inner)}]}}"#
        return [
            batch("sign", sign, item: "{\(key),\(data)}"),
            batch(
                "verify", use("ec", ["VERIFY"], or: "SIGN", in: ObjectRow.later),
                item: #"{\#(key),\#(data),"signature":"AAAA"}"#),
            batch("encrypt", encrypt, item: #"{"kid":"<KID>","request":{\#(cipher),"plain":"\#(block)"}}"#),
            batch("decrypt", decrypt, item: #"{"kid":"<KID>","request":{\#(cipher),"cipher":"\#(block)"}}"#),
            batch("mac", use("aes", ["MACGENERATE"], in: ObjectRow.now), item: #"{\#(key),"data":"AAAA"}"#),
            batch(
                "macverify", use("aes", ["MACVERIFY"], or: "MACGENERATE", in: ObjectRow.later),
                item: #"{\#(key),"data":"AAAA","mac":"AAAA"}"#),
            generic,
        ]
    }

    /// What makes new keys of keys, or takes them out.
    private static var making: [ObjectRow] {
        let wrap = use("aes", ["WRAPKEY", "EXPORT"], in: ObjectRow.now)
        let unwrap = use("aes", ["UNWRAPKEY", "CREATE_SOBJECTS"], in: ObjectRow.later, success: 201)
        let derive = use("aes", ["DERIVEKEY", "CREATE_SOBJECTS"], in: ObjectRow.now, success: 201)
        let kw = #""alg":"AES","mode":"KW""#
        let mechanism = #"{"encrypt_data":{"alg":"AES","mode":"ECB","plain":"\#(block)"}}"#
        var agree = use("ec", ["AGREEKEY", "CREATE_SOBJECTS"], in: ObjectRow.now, success: 201)
        agree.route = "POST /crypto/v1/agree"
        agree.body =
            #"{"private_key":{"kid":"<KID>"},"public_key":{"name":"peer"},"name":"<NEW>","group_id":"<GROUP>","key_size":256,"#
            + #""key_type":"SECRET","mechanism":"diffie_hellman"}"#
        var export = use("ec", ["EXPORT"], in: ObjectRow.unlessDestroyed)
        export.otherwise = 400
        var (exportByPath, exportByBody) = (export, export)
        exportByPath.route = "GET /crypto/v1/keys/:kid/export"
        exportByBody.route = "POST /crypto/v1/keys/export"
        exportByBody.body = #"{"kid":"<KID>"}"#
        var rows = twins("wrapkey", wrap, fields: #"\#(kw),"subject":{"name":"subject"}"#)
        let unwrapping = #"\#(kw),"obj_type":"AES","wrapped_key":"<WRAPPED>","name":"<NEW>","group_id":"<GROUP>""#
        rows += twins("unwrapkey", unwrap, fields: unwrapping)
        let deriving = #""name":"<NEW>","group_id":"<GROUP>","key_type":"AES","key_size":128,"mechanism":\#(mechanism)"#
        rows += twins("derive", derive, fields: deriving)
        rows += [agree, exportByPath, exportByBody]
        return rows
    }

    private static var attestation: ObjectRow {
        var row = reading("POST /crypto/v1/keys/key_attestation", body: "{\(key)}")
        row.works = ObjectRow.unlessDestroyed
        row.otherwise = 400
        return row
    }

    private static var life: [ObjectRow] {
        [
            reading("GET /crypto/v1/keys/:kid"),
            reading("POST /crypto/v1/keys/info", body: #"{"kid":"<KID>"}"#),
            reading("POST /crypto/v1/keys/kcv", key: "aes", body: #"{"kid":"<KID>"}"#),
            change(
                "PATCH /crypto/v1/keys/:kid", ["UPDATE_SOBJECTS_PROFILE"], success: 200,
                body: #"{"description":"changed"}"#),
            change("DELETE /crypto/v1/keys/:kid", ["DELETE_SOBJECTS"]),
            change("DELETE /crypto/v1/keys/:kid/private", ["DELETE_KEY_MATERIAL"], ObjectRow.unlessDestroyed),
            change("POST /crypto/v1/keys/:kid/activate", ["ACTIVATE_SOBJECTS"], [.preActive]),
            change(
                "POST /crypto/v1/keys/:kid/revoke", ["REVOKE_SOBJECTS"], ObjectRow.unlessDestroyed,
                body: #"{"code":"Superseded"}"#),
            change("POST /crypto/v1/keys/:kid/destroy", ["DESTROY_SOBJECTS"], ObjectRow.unlessDestroyed),
            change(
                "POST /crypto/v1/keys/copy", ["COPY_SOBJECTS", "CREATE_SOBJECTS"], [.preActive, .active, .disabled],
                otherwise: 403, success: 201, body: #"{"key":{"kid":"<KID>"},"name":"<NEW>"}"#),
            attestation,
            change(
                "POST /crypto/v1/keys/replace", ["ROTATE_SOBJECTS"],
                body: #"{"replaced":{"kid":"<KID>"},"replaced_new_name":"<NEW>","replacement":{"name":"peer"}}"#),
            change("POST /crypto/v1/keys/rekey", ["ROTATE_SOBJECTS"], success: 200, body: #"{"name":"<NAME>"}"#),
        ]
    }
}

/// A request about anything else, with the status for each caller.
struct PlainRow: Sendable {
    var route: String
    /// In the order of `Caller`.
    var expected: [Int]
    var needed: [String] = []
    /// Login with Basic and not by session.
    var isLogin = false
    /// What the path names is made anew: "app", "user", "group" or "plugin".
    var victim: String?
    /// <ACCOUNT>, <GROUP>, <NEW>, <PASSWORD>, <EMAIL> and <TRANSIENT> stand for values, in the body as well.
    var path: String?
    var body: String?
}

extension RightsTable {
    private static func all(_ users: Int, apps: Int? = nil, disabled: Int = 401, anonymous: Int = 401) -> [Int] {
        [Int](repeating: users, count: 5) + [Int](repeating: apps ?? users, count: 4) + [disabled, anonymous]
    }

    /// - Parameter others: the group's administrator, its auditor, another group's member, the account's auditor.
    private static func mostly(
        _ administrator: Int, _ others: [Int], apps: Int = 403, foreignApp: Int? = nil
    ) -> [Int] {
        [administrator] + others + [apps, apps, apps, foreignApp ?? apps, 401, 401]
    }

    static var plain: [PlainRow] {
        sessions + accounts + users + groups + apps + objectsOfGroups + plugins + approvals + operation
    }

    private static var sessions: [PlainRow] {
        [
            PlainRow(route: "GET /sys/v1/version", expected: all(200, disabled: 200, anonymous: 200)),
            PlainRow(route: "GET /sys/v1/health", expected: all(204, disabled: 204, anonymous: 204)),
            PlainRow(route: "POST /sys/v1/session/auth", expected: all(200), isLogin: true),
            PlainRow(
                route: "POST /sys/v1/session/auth/discover", expected: all(200, disabled: 200, anonymous: 200),
                body: "{}"),
            PlainRow(route: "POST /sys/v1/session/refresh", expected: all(204)),
            PlainRow(route: "POST /sys/v1/session/reauth", expected: all(200)),
            PlainRow(route: "POST /sys/v1/session/terminate", expected: all(204, disabled: 204)),
            PlainRow(
                route: "POST /sys/v1/session/select_account", expected: all(200, apps: 400, disabled: 400),
                body: #"{"acct_id":"<ACCOUNT>"}"#),
            PlainRow(route: "GET /sys/v1/users/accounts", expected: all(200, apps: 403, disabled: 403)),
            PlainRow(
                route: "POST /sys/v1/users/process_invite", expected: all(204, apps: 403, disabled: 403), body: "{}"),
            PlainRow(
                route: "POST /sys/v1/users/change_password", expected: all(204, apps: 403, disabled: 403),
                body: #"{"current_password":"<PASSWORD>","new_password":"<PASSWORD>"}"#),
        ]
    }

    private static var accounts: [PlainRow] {
        let administrators = mostly(200, [403, 403, 403, 403])
        return [
            PlainRow(route: "GET /sys/v1/accounts", expected: all(200)),
            PlainRow(route: "GET /sys/v1/accounts/:id", expected: all(200), path: "/sys/v1/accounts/<ACCOUNT>"),
            PlainRow(
                route: "POST /sys/v1/accounts", expected: mostly(201, [403, 403, 403, 403]), body: #"{"name":"<NEW>"}"#),
            PlainRow(
                route: "PATCH /sys/v1/accounts/:id", expected: administrators, path: "/sys/v1/accounts/<ACCOUNT>",
                body: #"{"description":"d"}"#),
            PlainRow(
                route: "DELETE /sys/v1/accounts/:id", expected: mostly(409, [403, 403, 403, 403]),
                path: "/sys/v1/accounts/<ACCOUNT>"),
            PlainRow(
                route: "GET /sys/v1/accounts/:id/usage", expected: all(200), path: "/sys/v1/accounts/<ACCOUNT>/usage"),
        ]
    }

    private static var users: [PlainRow] {
        // Members see no other user, auditors see and do not touch.
        let reading = mostly(200, [404, 404, 404, 200])
        return [
            PlainRow(route: "GET /sys/v1/users", expected: all(200, apps: 403)),
            PlainRow(
                route: "POST /sys/v1/users", expected: mostly(201, [403, 403, 403, 403]),
                body: #"{"user_email":"<NEW>@x","user_password":"<PASSWORD>"}"#),
            PlainRow(
                route: "POST /sys/v1/users/invite", expected: mostly(201, [403, 403, 403, 403]),
                body: #"{"user_email":"<EMAIL>"}"#),
            PlainRow(route: "GET /sys/v1/users/:id", expected: reading, victim: "user"),
            PlainRow(route: "GET /sys/v1/users/:id/accounts", expected: reading, victim: "user"),
            PlainRow(
                route: "PATCH /sys/v1/users/:id", expected: mostly(200, [404, 404, 404, 403]), victim: "user",
                body: #"{"enable":true}"#),
            PlainRow(route: "DELETE /sys/v1/users/:id", expected: mostly(204, [404, 404, 404, 403]), victim: "user"),
        ]
    }

    private static var groups: [PlainRow] {
        let path = "/sys/v1/groups/<GROUP>"
        return [
            PlainRow(route: "GET /sys/v1/groups", expected: all(200)),
            PlainRow(
                route: "POST /sys/v1/groups", expected: mostly(201, [403, 403, 403, 403]), body: #"{"name":"<NEW>"}"#),
            PlainRow(
                route: "GET /sys/v1/groups/:id",
                expected: mostly(200, [200, 200, 404, 200], apps: 200, foreignApp: 404),
                path: path),
            PlainRow(
                route: "PATCH /sys/v1/groups/:id", expected: mostly(200, [200, 403, 404, 403], foreignApp: 404),
                path: path, body: #"{"description":"d"}"#),
            PlainRow(
                route: "DELETE /sys/v1/groups/:id", expected: mostly(204, [404, 404, 404, 403], apps: 404),
                victim: "group"),
        ]
    }

    private static var apps: [PlainRow] {
        // An app sees itself only. Auditors have no credential, which would be the app's rights.
        let reading = mostly(200, [200, 200, 404, 200], apps: 404)
        let changing = mostly(200, [200, 403, 404, 403], apps: 404)
        return [
            PlainRow(route: "GET /sys/v1/apps", expected: all(200)),
            PlainRow(
                route: "POST /sys/v1/apps", expected: mostly(201, [201, 403, 403, 403]),
                body: #"{"name":"<NEW>","add_groups":["<GROUP>"]}"#),
            PlainRow(route: "GET /sys/v1/apps/client_configs", expected: all(403, apps: 200)),
            PlainRow(route: "GET /sys/v1/apps/:id", expected: reading, victim: "app"),
            PlainRow(
                route: "PATCH /sys/v1/apps/:id", expected: changing, victim: "app", body: #"{"description":"d"}"#),
            PlainRow(
                route: "DELETE /sys/v1/apps/:id", expected: mostly(204, [204, 403, 404, 403], apps: 404), victim: "app"),
            PlainRow(route: "GET /sys/v1/apps/:id/credential", expected: changing, victim: "app"),
            PlainRow(route: "POST /sys/v1/apps/:id/reset_secret", expected: changing, victim: "app"),
        ]
    }

    private static var objectsOfGroups: [PlainRow] {
        // To others the group does not exist.
        let creating = [201, 201, 403, 400, 403, 201, 201, 403, 400, 401, 401]
        let key = #"{"name":"<NEW>","obj_type":"AES","group_id":"<GROUP>""#
        return [
            PlainRow(route: "GET /crypto/v1/keys", expected: all(200)),
            PlainRow(
                route: "POST /crypto/v1/keys", expected: creating, needed: ["CREATE_SOBJECTS"],
                body: key + #","key_size":128}"#),
            PlainRow(
                route: "PUT /crypto/v1/keys", expected: creating, needed: ["CREATE_SOBJECTS"],
                body: key + #","value":"AAECAwQFBgcICQoLDA0ODw=="}"#),
            PlainRow(
                route: "POST /crypto/v1/keys/persist",
                expected: [201, 201, 403, 404, 403, 201, 201, 403, 404, 401, 401],
                needed: ["CREATE_SOBJECTS"],
                body: #"{"name":"<NEW>","transient_key":"<TRANSIENT>","group_id":"<GROUP>"}"#),
            PlainRow(
                route: "POST /crypto/v1/digest", expected: all(200), body: #"{"alg":"SHA256","data":"AAAA"}"#),
            PlainRow(
                route: "GET /sys/v1/logs", expected: [200, 200, 200, 200, 200, 200, 200, 403, 200, 401, 401],
                needed: ["AUDIT"]),
            PlainRow(
                route: "POST /crypto/v1/keys/kcv/verify", expected: all(200),
                body: #"{"kcv":"66E94B","value":"AAAAAAAAAAAAAAAAAAAAAA==","obj_type":"AES"}"#),
        ]
    }

    private static var plugins: [PlainRow] {
        let reading = mostly(200, [200, 200, 404, 200], apps: 200, foreignApp: 404)
        // Who sees it may run it; that its input is wrong comes after that.
        let running = mostly(400, [400, 400, 404, 400], apps: 400, foreignApp: 404)
        return [
            PlainRow(route: "GET /sys/v1/plugins", expected: all(200)),
            PlainRow(
                route: "POST /sys/v1/plugins", expected: mostly(201, [403, 403, 403, 403]),
                body: #"{"name":"<NEW>","source":{"language":"lua","code":""},"add_groups":["<GROUP>"]}"#),
            PlainRow(route: "GET /sys/v1/plugins/:id", expected: reading, victim: "plugin"),
            PlainRow(
                route: "PATCH /sys/v1/plugins/:id", expected: mostly(200, [403, 403, 403, 403]), victim: "plugin",
                body: #"{"description":"d"}"#),
            PlainRow(
                route: "DELETE /sys/v1/plugins/:id", expected: mostly(204, [403, 403, 403, 403]), victim: "plugin"),
            PlainRow(route: "POST /sys/v1/plugins/:id", expected: running, victim: "plugin", body: "{}"),
            PlainRow(route: "GET /sys/v1/plugins/invoke/:id", expected: running, victim: "plugin"),
        ]
    }

    /// Requests of others do not exist for anybody; `ApprovalPolicyTests` and the integration tests have the rest.
    private static var approvals: [PlainRow] {
        let path = "/sys/v1/approval_requests/<NEW>"
        return [
            PlainRow(route: "GET /sys/v1/approval_requests", expected: all(200)),
            // Nothing here needs an approval.
            PlainRow(
                route: "POST /sys/v1/approval_requests", expected: all(400),
                body: #"{"method":"POST","operation":"/crypto/v1/sign","body":{"key":{"name":"ec"}}}"#),
            PlainRow(route: "GET /sys/v1/approval_requests/:id", expected: all(404), path: path),
            PlainRow(route: "POST /sys/v1/approval_requests/:id/approve", expected: all(404), path: path + "/approve"),
            PlainRow(route: "POST /sys/v1/approval_requests/:id/deny", expected: all(404), path: path + "/deny"),
            PlainRow(route: "POST /sys/v1/approval_requests/:id/result", expected: all(404), path: path + "/result"),
            PlainRow(route: "DELETE /sys/v1/approval_requests/:id", expected: all(404), path: path),
        ]
    }

    private static var operation: [PlainRow] {
        [
            PlainRow(route: "GET /sys/v1/health/ready", expected: all(204, disabled: 204, anonymous: 204)),
            PlainRow(
                route: "GET /metrics", expected: [200, 200, 200, 200, 200, 200, 200, 403, 200, 401, 401],
                needed: ["AUDIT"]),
        ]
    }
}

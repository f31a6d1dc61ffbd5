import FoundationEssentials
import HTTPTypes
import KMSModel
import KMSServer
import Testing

/// Every route, asked by everybody, about objects in every condition. The statuses that are expected come from
/// `RightsTable`.
@Suite("The matrix of rights")
struct RightsMatrixTests {
    @Test("no route is without a row")
    func complete() async throws {
        try await TestKMS.run { kms in
            let routes = Routes.table(for: kms.vault).methods.flatMap { path, methods in
                methods.map { "\($0.rawValue) \(path)" }
            }
            let rows = RightsTable.objects.map(\.route) + RightsTable.plain.map(\.route)
            #expect(Set(rows).count == rows.count)
            let missing = Set(routes).subtracting(rows).sorted()
            #expect(missing.isEmpty, "routes without a row: \(missing)")
            let gone = Set(rows).subtracting(routes).sorted()
            #expect(gone.isEmpty, "rows without a route: \(gone)")
        }
    }

    // MARK: Objects

    private static func expected(_ row: ObjectRow, _ caller: Caller, _ condition: Condition) -> Int {
        switch caller {
        case .anonymous, .disabledApp: return 401
        case .foreignMember, .foreignApp: return 404
        case .auditor where !row.isReading, .groupAuditor where !row.isReading: return 403
        case .appWithoutNeeded where !row.needed.isEmpty: return 403
        case .administrator, .groupAdministrator, .groupAuditor, .auditor, .appWithAll, .appWithNeeded,
            .appWithoutNeeded:
            return row.works.contains(condition) ? row.success : row.otherwise
        }
    }

    @Test("operations with objects: each caller in each state")
    func objects() async throws {
        try await TestKMS.run { kms in
            let stage = try await RightsStage(kms)
            for row in RightsTable.objects {
                try await stage.grant(row.needed, without: row.without)
                for condition in Condition.allCases {
                    try await stage.place(condition)
                    for caller in Caller.allCases {
                        let wanted = RightsMatrixTests.expected(row, caller, condition)
                        let (status, text) = try await RightsMatrixTests.ask(stage, row, caller, condition)
                        #expect(status == wanted, "\(row.route) \(caller) \(condition): \(text)")
                        if row.changes, (200..<300).contains(status) { try await stage.place(condition) }
                    }
                }
            }
        }
    }

    private static func ask(
        _ stage: RightsStage, _ row: ObjectRow, _ caller: Caller, _ condition: Condition
    ) async throws -> (Int, String) {
        let authorization = try stage.authorization(caller)
        var values = [
            "KID": stage.kids[row.key] ?? "", "NAME": row.key, "NEW": newID(), "GROUP": stage.group,
            "WRAPPED": stage.wrapped,
        ]
        if let operation = row.begins {
            values["STATE"] = try await state(stage, operation, authorization, condition)
        }
        let (method, path) = try request(row.route, id: values["KID"] ?? "")
        let answer = try await stage.kms.ask(method, path, row.body.map { fill($0, values) }, as: authorization)
        guard answer.status == 200 else { return (answer.status, answer.text) }
        switch row.form {
        case .plain: return (answer.status, answer.text)
        case .typedBatch: return (try #require(try answer.json([Outcome.Status].self).first).status, answer.text)
        case .genericBatch:
            let item = try answer.json(Outcome.self).batch?.items.first?.single
            return (try #require(item).result.status, answer.text)
        }
    }

    private struct Outcome: Decodable {
        struct Status: Decodable { var status: Int }
        struct Items: Decodable { var items: [Outcome] }
        struct Single: Decodable {
            var result: Status

            enum CodingKeys: String, CodingKey { case result = "Result" }
        }

        var batch: Items?
        var single: Single?

        enum CodingKeys: String, CodingKey {
            case batch = "Batch"
            case single = "SingleItem"
        }
    }

    /// The state of an encryption or decryption that the caller began while the key was Active; something else for
    /// callers who cannot.
    private static func state(
        _ stage: RightsStage, _ operation: String, _ authorization: String?, _ condition: Condition
    ) async throws -> String {
        if condition != .active { try await stage.place(.active) }
        let body = #"{"key":{"name":"aes"},"alg":"AES","mode":"CTR","iv":"AAECAwQFBgcICQoLDA0ODw=="}"#
        let answer = try await stage.kms.ask(.post, "/crypto/v1/\(operation)/init", body, as: authorization)
        if condition != .active { try await stage.place(condition) }
        guard answer.status == 200 else { return "AAAA" }
        return try answer.json(CipherInitResponse.self).state.base64EncodedString()
    }

    // MARK: Everything else

    @Test("administration, sessions, new objects, audit log: each caller")
    func plain() async throws {
        try await TestKMS.run { kms in
            let stage = try await RightsStage(kms)
            for row in RightsTable.plain {
                try await stage.grant(row.needed, without: row.needed + ["MANAGE"])
                for (caller, wanted) in zip(Caller.allCases, row.expected) {
                    let answer = try await RightsMatrixTests.ask(stage, row, caller)
                    #expect(answer.status == wanted, "\(row.route) \(caller): \(answer.text)")
                }
            }
        }
    }

    private static func ask(_ stage: RightsStage, _ row: PlainRow, _ caller: Caller) async throws -> TestKMS.Answer {
        var values = [
            "ACCOUNT": stage.account, "GROUP": stage.group, "NEW": newID(), "PASSWORD": TestKMS.password,
        ]
        if row.body?.contains("EMAIL") ?? false { values["EMAIL"] = try await stage.stranger() }
        if row.body?.contains("TRANSIENT") ?? false { values["TRANSIENT"] = try stage.transientKey(of: caller) }
        let id: String = if let kind = row.victim { try await stage.victim(kind) } else { "" }
        let (method, path) = try request(row.path.map { verb(row.route) + " " + $0 } ?? row.route, id: id)
        let authorization = row.isLogin ? stage.login(caller) : try stage.authorization(caller)
        return try await stage.kms.ask(
            method, fill(path, values), row.body.map { fill($0, values) }, as: authorization)
    }

    private static func verb(_ route: String) -> String { String(route.prefix { $0 != " " }) }

    /// Method and path of a route, with its parameter filled in.
    private static func request(_ route: String, id: String) throws -> (HTTPRequest.Method, String) {
        let path = route.drop { $0 != " " }.dropFirst()
        let parts = path.split(separator: "/").map { $0.hasPrefix(":") ? id : String($0) }
        return (try #require(HTTPRequest.Method(verb(route))), "/" + parts.joined(separator: "/"))
    }

    private static func fill(_ text: String, _ values: [String: String]) -> String {
        values.reduce(text) { filled, value in
            filled.split(separator: "<\(value.key)>", omittingEmptySubsequences: false).joined(separator: value.value)
        }
    }
}

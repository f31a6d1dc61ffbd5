import FoundationEssentials
import KMSModel
import KMSServer
import Testing

/// Lists that are sent in several parts. That this keeps the memory small is shown by the integration tests.
@Suite("Long lists")
struct LongListTests {
    private struct Page<Item: Decodable>: Decodable { var items: [Item] }
    private struct Named: Decodable { var name: String }

    /// A little less than an object may have.
    private static func metadata(_ number: Int) -> String {
        let value = String(repeating: "x", count: 4_000)
        return (0..<25).map { #""m\#($0)":"\#(number) \#(value)""# }.joined(separator: ",")
    }

    @Test("pages of keys that are longer than a part are whole, in every order and from everywhere")
    func keys() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let names = (0..<12).map { "key " + ($0 < 10 ? "0" : "") + String($0) }
            for (number, name) in names.enumerated() {
                let body =
                    #"{"name":"\#(name)","obj_type":"AES","key_size":128,"#
                    + #""custom_metadata":{\#(LongListTests.metadata(number))}}"#
                #expect(try await kms.post("keys", body, app).status == 201)
            }
            func listed(_ query: String) async throws -> [Sobject] {
                try await kms.ask(.get, "/crypto/v1/keys?\(query)", as: app.authorization).json([Sobject].self)
            }
            let all = try await listed("sort=name")
            #expect(all.compactMap(\.name) == names)
            #expect(all.allSatisfy { $0.customMetadata?.count == 25 })
            #expect(try await listed("sort=name:desc").compactMap(\.name) == names.reversed())
            let kids = all.compactMap(\.kid).sorted()
            #expect(try await listed("").compactMap(\.kid) == kids)
            #expect(try await listed("sort=kid:desc").compactMap(\.kid) == kids.reversed())
            #expect(try await listed("sort=name&limit=7&offset=3").compactMap(\.name) == Array(names[3..<10]))
            #expect(try await listed("limit=7&start=\(kids[2])").compactMap(\.kid) == Array(kids[3..<10]))
            #expect(try await listed("sort=name&offset=12").isEmpty)
            let page = try await kms.ask(
                .get, "/crypto/v1/keys?with_metadata=true&sort=name&limit=9", as: app.authorization
            ).json(SobjectPage.self)
            #expect(page.items.compactMap(\.name) == Array(names[..<9]))
            #expect(page.metadata.totalCount == 12 && page.metadata.filteredCount == 12)
        }
    }

    @Test("plugins and apps; groups and accounts")
    func others() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let admin = try await kms.administrator()
            let code = String(repeating: "-- \n", count: 30_000)
            let source = #"{"language":"LUA","code":"\#(code.replacing("\n", with: "\\n"))"}"#
            let text = String(repeating: "d", count: 4_096)
            let names = (0..<9).map { "item \($0)" }
            for name in names {
                let plugin = #"{"name":"\#(name)","add_groups":["\#(app.group)"],"source":\#(source)}"#
                #expect(try await kms.ask(.post, "/sys/v1/plugins", plugin, as: admin).status == 201)
            }
            let apps = (0..<80).map { "app \($0 + 10)" }
            for name in apps {
                let body = #"{"name":"\#(name)","description":"\#(text)","add_groups":["\#(app.group)"]}"#
                #expect(try await kms.ask(.post, "/sys/v1/apps", body, as: admin).status == 201)
            }
            func listed(_ path: String) async throws -> [String] {
                try await kms.ask(.get, "/sys/v1/" + path, as: admin).json([Named].self).map(\.name)
            }
            #expect(try await listed("plugins") == names)
            #expect(try await listed("plugins?sort=name:desc&offset=1&limit=7") == Array(names.reversed()[1..<8]))
            #expect(try await listed("apps") == apps + ["web"])
            #expect(try await listed("groups") == ["web"])
            #expect(try await listed("accounts").count == 1)
            let first = try await kms.ask(.get, "/sys/v1/apps?limit=70&continuation_token=", as: admin)
            #expect(try first.json(Page<Named>.self).items.map(\.name) == Array(apps[..<70]))
            let token = try #require(first.text.firstMatch(of: /"continuation_token":"([^"]+)"/)?.1)
            let rest = try await kms.ask(.get, "/sys/v1/apps?continuation_token=\(token)", as: admin)
            #expect(try rest.json(Page<Named>.self).items.map(\.name) == apps[70...] + ["web"])
            #expect(rest.text.contains(#""total_count":81"#) && !rest.text.contains("continuation_token"))
        }
    }

    @Test("the audit log, and how many operations it has of an account")
    func log() async throws {
        try await TestKMS.run { kms in
            let account = try await kms.account()
            let admin = try await kms.administrator()
            func append(_ numbers: Range<Int>, length: Int) async throws {
                let long = String(repeating: "m", count: length)
                try await kms.vault.pool.write { db in
                    let events = numbers.map { number in
                        var event = AuditEvent(.cryptoOperation, "\(number) \(long)", by: PolicyTests.user)
                        event.acctID = account
                        return event
                    }
                    try kms.vault.chain.append(events, in: db)
                }
            }
            func listed(_ query: String) async throws -> [Int] {
                try await kms.ask(.get, "/sys/v1/logs?action_type=CRYPTOOPERATION&\(query)", as: admin)
                    .json(AuditResponse.self).hits.compactMap { Int($0.source.message.prefix { $0.isNumber }) }
            }
            func operations() async throws -> Int {
                try await kms.ask(.get, "/sys/v1/accounts/\(account)/usage", as: admin).json(AccountUsage.self)
                    .numOperations
            }
            func stored() async throws -> Bool {
                try await kms.vault.pool.read { db in try SettingStore.value(.operationTally, in: db) } != nil
            }
            try await append(0..<900, length: 1_000)
            #expect(try await listed("") == (0..<900).reversed())
            #expect(try await listed("size=500&from=100") == (300..<800).reversed())
            #expect(try await operations() == 900)
            #expect(try await !stored())
            try await append(0..<10_000, length: 1)
            #expect(try await operations() == 10_900)
            #expect(try await stored())
            try await append(0..<5, length: 1)
            #expect(try await operations() == 10_905)
        }
    }
}

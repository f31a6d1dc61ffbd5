import FoundationEssentials
import KMSServer
import Testing

@Suite("OpenAPI description")
struct APIDescriptionTests {
    /// Method and path of every operation that the description has, in the description's spelling. What YAML makes of the
    /// file is checked by the integration tests; here the lines suffice.
    private static func described() throws -> Set<String> {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = root.appending(path: "pkcs11-conf/doc/kmsd-openapi.yaml")
        let methods: Set = ["get", "post", "put", "patch", "delete", "head", "options", "trace"]
        var operations: Set<String> = []
        var path = ""
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            if line.hasPrefix("  /"), line.hasSuffix(":") {
                path = String(line.dropFirst(2).dropLast())
                continue
            }
            let method = String(line.dropFirst(4).dropLast())
            if line.hasPrefix("    "), line.hasSuffix(":"), methods.contains(method) {
                operations.insert("\(method.uppercased()) \(path)")
            }
        }
        return operations
    }

    @Test("it has the routes that the server has, and no others")
    func routes() async throws {
        try await TestKMS.run { kms in
            var served: Set<String> = []
            for (path, methods) in Routes.table(for: kms.vault).methods {
                let words = path.split(separator: "/").map { $0.hasPrefix(":") ? "{\($0.dropFirst())}" : String($0) }
                for method in methods { served.insert("\(method.rawValue) /" + words.joined(separator: "/")) }
            }
            let described = try APIDescriptionTests.described()
            #expect(served.count > 70)
            #expect(served.subtracting(described).sorted() == [], "routes without a description in kmsd-openapi.yaml")
            #expect(described.subtracting(served).sorted() == [], "descriptions in kmsd-openapi.yaml without a route")
        }
    }
}

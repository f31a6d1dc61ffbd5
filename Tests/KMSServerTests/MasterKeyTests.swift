import FoundationEssentials
import GRDB
import KMSModel
import KMSServer
import KMSSupport
import Testing

@Suite("Master key")
struct MasterKeyTests {
    private static let digits = String(repeating: "5a", count: 32)
    private static let passphrase = Secret("a rather long passphrase")

    /// A directory whose master key is kept in some way, and nobody has open.
    private func directory(_ kind: NewMasterKey, _ body: (DataDirectory) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.path + "/kmsd-test-" + newID()
        defer { try? FileManager.default.removeItem(atPath: path) }
        var initialization = Initialization(directory: DataDirectory(path))
        initialization.adminPassword = Secret(TestKMS.password)
        initialization.newMasterKey = kind
        _ = try initialization.run()
        try body(initialization.directory)
    }

    private func source(_ passphrase: Secret) -> MasterKeySource { MasterKeySource { passphrase } }

    private func isWhole(_ directory: DataDirectory, _ source: MasterKeySource) throws -> Bool {
        try Verification.run(directory, masterKey: source) { Issue.record("\($0)") }.findings == 0
    }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    @Test("in a variable: there is no file, and another value is refused")
    func variable() throws {
        try directory(.variable(Secret(MasterKeyTests.digits), name: "X")) { (directory: DataDirectory) throws in
            #expect(!exists(directory.masterKeyFile))
            #expect(try isWhole(directory, MasterKeySource(variable: Secret(MasterKeyTests.digits))))
            for (source, cause) in [
                (MasterKeySource(), StartError.Cause.noInput),
                (MasterKeySource(variable: Secret(String(repeating: "5b", count: 32))), .configuration),
                (MasterKeySource(variable: Secret("5a")), .configuration),
            ] {
                let error = #expect(throws: StartError.self) { try DataStore.open(directory, masterKey: source) }
                #expect(error?.cause == cause)
            }
        }
    }

    @Test("under a passphrase: the file alone does not open, nor does another passphrase or a changed file")
    func passphrase() throws {
        try directory(.passphrase(MasterKeyTests.passphrase)) { directory in
            let file = URL(filePath: directory.masterKeyFile)
            let text = try String(contentsOf: file, encoding: .utf8)
            #expect(text.hasPrefix("scrypt$ln=17,r=8,p=1$") && text.hasSuffix("\n"))
            #expect(try isWhole(directory, source(MasterKeyTests.passphrase)))
            var error = #expect(throws: StartError.self) {
                try DataStore.open(directory, masterKey: source(Secret("a rather long passphrasf")))
            }
            #expect(error?.cause == .permission)
            error = #expect(throws: StartError.self) { try DataStore.open(directory, masterKey: MasterKeySource()) }
            #expect(error?.cause == .noInput)
            // Weaker parameters than those that the passphrase was set with.
            try Data(text.replacing("ln=17", with: "ln=16").utf8).write(to: file)
            #expect(throws: StartError.self) {
                try DataStore.open(directory, masterKey: source(MasterKeyTests.passphrase))
            }
        }
    }

    @Test("passphrases of less than 12 characters are refused")
    func short() throws {
        let error = #expect(throws: StartError.self) { try directory(.passphrase(Secret("eleven char"))) { _ in } }
        #expect(error?.cause == .usage)
    }

    // MARK: Rotation

    @Test("a rotation that stops after any step leaves what opens", arguments: 0...4, [false, true])
    func interrupted(steps: Int, passphrase: Bool) throws {
        try directory(.file) { directory in
            let old = try Data(contentsOf: URL(filePath: directory.masterKeyFile))
            let new = passphrase ? NewMasterKey.passphrase(MasterKeyTests.passphrase) : .file
            do {
                let rotation = try MasterKeyRotation(directory, from: MasterKeySource()) { _ in new }
                #expect(rotation.steps.count == 4)
                for step in rotation.steps.prefix(steps) { try step() }
                try rotation.close()
            }
            let source = source(MasterKeyTests.passphrase)
            #expect(try isWhole(directory, source))
            try DataStore.open(directory, masterKey: source).pool.close()
            // What was left is gone, and only the right key is there.
            #expect(!exists(directory.masterKeyFile + ".new"))
            let now = try Data(contentsOf: URL(filePath: directory.masterKeyFile))
            #expect((now == old) == (steps < 2))
            #expect(try isWhole(directory, source))
        }
    }

    @Test("everything is sealed anew, and transient keys and the audit log outlive their master key")
    func rotated() async throws {
        try await TestKMS.run { kms in
            let app = try await kms.app("web")
            let key = #"{"name":"a","obj_type":"AES","key_size":256}"#
            #expect(try await kms.ask(.post, "/crypto/v1/keys", key, as: app.authorization).status == 201)
            let transient = try await kms.ask(
                .post, "/crypto/v1/keys", #"{"obj_type":"AES","key_size":128,"transient":true}"#, as: app.authorization)
            let blob = try #require(try transient.json(Sobject.self).transientKey)
            func boxes() async throws -> [Data] {
                try await kms.vault.pool.read { db in
                    try Data.fetchAll(
                        db,
                        sql: """
                            SELECT sealed_value FROM sobject UNION ALL SELECT sealed_secret FROM app
                            UNION ALL SELECT sealed_key FROM tls_identity
                            UNION ALL SELECT value FROM setting WHERE name IN ('audit-key', 'transient-key')
                            """)
                }
            }
            let before = try await boxes()
            #expect(before.count == 6)
            let rotation = try MasterKeyRotation(kms.directory, from: MasterKeySource()) { _ in .file }
            _ = try rotation.run()
            let after = try await boxes()
            #expect(after.count == 6 && Set(after).isDisjoint(with: before))

            let store = try DataStore.open(kms.directory, masterKey: MasterKeySource())
            #expect(try store.keys.transientKeys.open(blob, owner: app.id).secret?.count == 16)
            #expect(try isWhole(kms.directory, MasterKeySource()))
            // The engine with the old key opens nothing any more.
            let foreign = try await kms.vault.pool.read { db in try StoreKeys.check(kms.vault.engine, in: db) }
            #expect(foreign == .foreign)
            try store.pool.close()
        }
    }

    @Test("a rotation that meets a box that does not open changes nothing")
    func damaged() async throws {
        try await TestKMS.run { kms in
            _ = try await kms.app("web")
            try await kms.vault.pool.write { db in try db.execute(sql: "UPDATE app SET sealed_secret = zeroblob(90)") }
            let rotation = try MasterKeyRotation(kms.directory, from: MasterKeySource()) { _ in .file }
            let error = #expect(throws: StartError.self) { try rotation.run() }
            #expect(error?.cause == .data && error?.description.contains("app ") == true)
            try DataStore.open(kms.directory, masterKey: MasterKeySource()).pool.close()
        }
    }
}

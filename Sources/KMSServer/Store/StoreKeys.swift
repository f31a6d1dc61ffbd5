package import GRDB
internal import KMSSupport
internal import OpenSSLCrypto

/// The keys of a data directory: the one that seals, and those of the audit log and of transient keys. The latter two are
/// random and sealed in the database, so that they outlive a master key.
package struct StoreKeys: Sendable {
    package let engine: CryptoEngine
    package let chain: AuditChain
    package let transientKeys: TransientKeys

    /// What the sealed check says. Nobody can make a check that says "kmsd", by which a database counts as one that
    /// never had a head of its audit log.
    private static var text: Secret { Secret("kmsd 2") }
    private static var textWithoutHead: Secret { Secret("kmsd") }

    private init(_ engine: CryptoEngine, auditKey: Secret, transientKey: Secret) throws {
        self.engine = engine
        chain = AuditChain(key: auditKey)
        transientKeys = try TransientKeys(key: transientKey, in: engine.context)
    }

    /// Writes the keys of a new data directory.
    static func make(_ masterKey: MasterKey, in db: Database) throws -> StoreKeys {
        let context = try ProcessContext.get()
        return try write(
            masterKey, auditKey: Secret(Random.bytes(32, in: context)),
            transientKey: Secret(Random.bytes(32, in: context)), in: db)
    }

    /// Gives a database that an older kmsd wrote what it lacks. The keys stay those that it has used.
    ///
    /// - Returns: whether there was something to do.
    static func upgrade(_ masterKey: MasterKey, in db: Database) throws -> Bool {
        let context = try ProcessContext.get()
        guard try check(CryptoEngine(masterKey: masterKey, in: context), in: db) == .withoutHead else { return false }
        _ = try write(
            masterKey, auditKey: try masterKey.auditKey(in: context),
            transientKey: try masterKey.transientKey(in: context), in: db)
        return true
    }

    private static func write(
        _ masterKey: MasterKey, auditKey: Secret, transientKey: Secret, in db: Database
    ) throws -> StoreKeys {
        let engine = try CryptoEngine(masterKey: masterKey, in: try ProcessContext.get())
        try writeCheck(masterKey, engine, in: db)
        try SettingStore.set(.auditKey, try engine.seal(auditKey, as: .auditKey), in: db)
        try SettingStore.set(.transientKey, try engine.seal(transientKey, as: .transientKey), in: db)
        let keys = try StoreKeys(engine, auditKey: auditKey, transientKey: transientKey)
        try keys.chain.makeHead(in: db)
        return keys
    }

    /// Says whose database this is.
    static func writeCheck(_ masterKey: MasterKey, _ engine: CryptoEngine, in db: Database) throws {
        try SettingStore.set(.masterKeyCheck, try engine.seal(text, as: .masterKeyCheck), in: db)
        try SettingStore.set(.masterKeyID, Array(try masterKey.id(in: engine.context).utf8), in: db)
    }

    package enum Check: Sendable {
        case whole
        /// Written by a kmsd whose audit log had no head.
        case withoutHead
        /// Another master key's.
        case foreign
    }

    package static func check(_ engine: CryptoEngine, in db: Database) throws -> Check {
        guard let box = try SettingStore.value(.masterKeyCheck, in: db),
            let text = try? engine.open(box, as: .masterKeyCheck)
        else { return .foreign }
        if text.equals(self.text) { return .whole }
        return text.equals(textWithoutHead) ? .withoutHead : .foreign
    }

    /// - Throws: `StartError` when one of them is missing or does not open.
    package static func open(_ engine: CryptoEngine, in db: Database) throws -> StoreKeys {
        func key(_ name: SettingStore.Name, _ sealed: CryptoEngine.Sealed) throws -> Secret {
            guard let box = try SettingStore.value(name, in: db), let key = try? engine.open(box, as: sealed) else {
                throw StartError(
                    "the setting \(name.rawValue) of the database was changed from outside; restore it from a backup",
                    .data)
            }
            return key
        }
        return try StoreKeys(
            engine, auditKey: key(.auditKey, .auditKey), transientKey: key(.transientKey, .transientKey))
    }
}

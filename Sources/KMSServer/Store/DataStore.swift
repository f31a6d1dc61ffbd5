package import GRDB

/// A data directory, opened to work with: the database and the keys in it.
package struct DataStore: Sendable {
    package let pool: DatabasePool
    package let masterKey: FoundMasterKey
    package let keys: StoreKeys

    /// Opens a data directory, whose modes and lock the caller has seen to, and ends what an interrupted rotation of the
    /// master key left.
    ///
    /// - Throws: `StartError` for a missing or wrong master key and a database that does not open.
    package static func open(_ directory: DataDirectory, masterKey source: MasterKeySource) throws -> DataStore {
        // Nothing is written before it is known that the master key is the right one.
        let found = try masterKey(of: directory, from: source)
        let pool = try KMSDatabase.open(directory.databaseFile)
        let keys = try pool.write { db in
            _ = try StoreKeys.upgrade(found.key, in: db)
            let keys = try StoreKeys.open(try engine(directory, found, in: db), in: db)
            guard let head = try AuditStore.head(in: db), keys.chain.isAuthentic(head) else {
                throw StartError(
                    "the audit log in \(directory.databaseFile) was changed from outside; see what kmsd verify says, and "
                        + "restore a backup", .data)
            }
            return keys
        }
        return DataStore(pool: pool, masterKey: try directory.settle(found), keys: keys)
    }

    /// Finds the master key, and proves that it is the database's. Nothing is written.
    static func masterKey(of directory: DataDirectory, from source: MasterKeySource) throws -> FoundMasterKey {
        try KMSDatabase.openForReading(directory.databaseFile).read { db in
            let found = try directory.masterKey(from: source, id: try masterKeyID(in: db))
            _ = try engine(directory, found, in: db)
            return found
        }
    }

    /// Which master key the database is sealed under; nil in one that an older kmsd wrote last.
    static func masterKeyID(in db: Database) throws -> String? {
        try SettingStore.value(.masterKeyID, in: db).map { String(decoding: $0, as: UTF8.self) }
    }

    /// - Throws: `StartError` when the master key is not the database's.
    static func engine(_ directory: DataDirectory, _ found: FoundMasterKey, in db: Database) throws -> CryptoEngine {
        let engine = try CryptoEngine(masterKey: found.key, in: try ProcessContext.get())
        guard try StoreKeys.check(engine, in: db) != .foreign else { throw directory.wrongMasterKey(found.place) }
        return engine
    }
}

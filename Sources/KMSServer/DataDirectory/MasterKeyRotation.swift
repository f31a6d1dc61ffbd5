internal import GRDB
internal import KMSSupport

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// `kmsd rotate-master-key`: seals everything under a new master key.
///
/// Killed after any step, and within one, the directory opens: with the old key until the database is re-sealed, which
/// is one transaction, and with the new one from then on, because the database names its key and the new key was on the
/// disk before.
package struct MasterKeyRotation {
    private let directory: DataDirectory
    private let store: DataStore
    private let newKey: MasterKey
    private let newText: Secret?
    /// The file that the key is in now, or will be.
    private let file: String
    private let newPlace: FoundMasterKey.Place

    /// Opens the directory, which nobody else may have open.
    ///
    /// - Parameter new: nil: as it is kept now, in a file.
    package init(
        _ directory: DataDirectory, from source: MasterKeySource, to new: (FoundMasterKey.Place) throws -> NewMasterKey
    ) throws {
        try directory.checkModes()
        try directory.lock()
        self.directory = directory
        store = try DataStore.open(directory, masterKey: source)
        let context = try ProcessContext.get()
        let kind = try new(store.masterKey.place)
        newKey = try kind.key(in: context)
        guard try newKey.id(in: context) != store.masterKey.key.id(in: context) else {
            throw StartError("the new master key is the old one; nothing was changed", .usage)
        }
        newText = try kind.text(of: newKey, in: context)
        if newText != nil, case .variable(let name) = store.masterKey.place, access(directory.masterKeyFile, F_OK) == 0
        {
            throw StartError(
                "\(directory.masterKeyFile) is there, though the master key is in \(name), and nothing was changed; move "
                    + "that file away", .cannotCreate)
        }
        if case .file(let path, _) = store.masterKey.place { file = path } else { file = directory.masterKeyFile }
        newPlace =
            switch kind {
            case .file: .file(file, isWrapped: false)
            case .passphrase: .file(file, isWrapped: true)
            case .variable(_, let name): .variable(name)
            }
    }

    /// In this order; a test stops after each.
    package var steps: [() throws -> Void] { [writeSuccessor, reseal, replaceFile, emptyLog] }

    /// - Returns: where the new key is.
    package func run() throws -> FoundMasterKey.Place {
        do {
            for step in steps { try step() }
        } catch let error as DatabaseError {
            throw StartError("cannot write the database: \(error.reason)", error.cause)
        }
        try store.pool.close()
        return newPlace
    }

    /// Writes the same master key under another passphrase; the database stays as it is.
    ///
    /// - Returns: the file.
    package static func rewrap(
        _ directory: DataDirectory, from source: MasterKeySource, to new: () throws -> NewMasterKey
    ) throws -> String {
        try directory.checkModes()
        try directory.lock()
        let store = try DataStore.open(directory, masterKey: source)
        defer { try? store.pool.close() }
        guard case .file(let file, true) = store.masterKey.place else {
            throw StartError(
                "\(store.masterKey.name) is under no passphrase; kmsd rotate-master-key --new-master-key passphrase "
                    + "makes one that is", .usage)
        }
        guard let text = try new().text(of: store.masterKey.key, in: try ProcessContext.get()) else { return file }
        let successor = DataDirectory.successor(of: file)
        try directory.write(text, to: successor, mode: 0o600)
        try MasterKeyFile.replace(file, with: successor)
        return file
    }

    package func close() throws { try store.pool.close() }

    private var successor: String { DataDirectory.successor(of: file) }

    /// The new key is on the disk before anything depends on it.
    private func writeSuccessor() throws {
        guard let newText else { return }
        unlink(successor)
        try directory.write(newText, to: successor, mode: 0o600)
        try FileCheck.sync(directory: FileCheck.parent(of: successor))
    }

    private func reseal() throws {
        let old = store.keys.engine
        let new = try CryptoEngine(masterKey: newKey, in: old.context)
        try store.pool.write { db in
            for place in SealedPlace.all { try place.reseal(from: old, to: new, in: db) }
            try StoreKeys.writeCheck(newKey, new, in: db)
            try store.keys.chain.append([AuditEvent(system: "The master key was replaced")], in: db)
        }
    }

    private func replaceFile() throws {
        if newText != nil {
            try MasterKeyFile.replace(file, with: successor)
        } else if case .file = store.masterKey.place, unlink(file) == 0 {
            try FileCheck.sync(directory: FileCheck.parent(of: file))
        }
    }

    /// What was sealed under the old key is in no file any more. A verification at the same time may keep the log from
    /// being emptied now; the rotation is done all the same, and the next start empties it.
    private func emptyLog() {
        try? store.pool.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
    }
}

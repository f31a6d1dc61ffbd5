package import KMSSupport
internal import OpenSSLCrypto

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Where the operator keeps the master key.
package struct MasterKeySource: Sendable {
    /// Another file than `master.key` in the data directory.
    package var file: String?
    /// 64 hexadecimal digits that came in a variable.
    package var variable: Secret?
    /// The name of that variable, for messages.
    package var variableName = "KMSD_MASTER_KEY"
    /// Asked for when the key is under a passphrase.
    package var passphrase: @Sendable () throws -> Secret

    package init(
        file: String? = nil, variable: Secret? = nil,
        passphrase: @escaping @Sendable () throws -> Secret = {
            throw StartError("the master key is under a passphrase, and none was given", .noInput)
        }
    ) {
        self.file = file
        self.variable = variable
        self.passphrase = passphrase
    }
}

/// A master key and where it was found.
package struct FoundMasterKey: Sendable {
    package var key: MasterKey
    package var place: Place

    package enum Place: Sendable, Equatable {
        case variable(String)
        case file(String, isWrapped: Bool)

        /// For messages.
        package var description: String {
            switch self {
            case .variable(let name): "in \(name)"
            case .file(let path, _): path
            }
        }
    }

    /// For messages.
    package var name: String { FoundMasterKey.name(place) }

    static func name(_ place: Place) -> String { "the master key \(place.description)" }
}

extension DataDirectory {
    /// What a rotation writes before it re-seals the database; afterwards it takes the place of the other.
    static func successor(of file: String) -> String { file + ".new" }

    /// Finds the master key that belongs to the database: in the file or the variable that the operator named, else in
    /// the directory's own file.
    ///
    /// A rotation that was interrupted leaves two keys, of which the database knows one.
    ///
    /// - Parameter id: which key the database names; nil for one that an older kmsd wrote, which names none.
    package func masterKey(from source: MasterKeySource, id: String?) throws -> FoundMasterKey {
        let context = try ProcessContext.get()
        if source.file == nil, let variable = source.variable {
            guard let key = variable.withBytes({ MasterKey(text: $0) }) else {
                throw StartError(
                    "\(source.variableName) is not a master key: expected 64 hexadecimal digits, as openssl rand -hex "
                        + "32 prints them")
            }
            let found = FoundMasterKey(key: key, place: .variable(source.variableName))
            guard try id == nil || key.id(in: context) == id else { throw wrongMasterKey(found.place) }
            return found
        }
        var isForeign = false
        let file = source.file ?? masterKeyFile
        if let content = try MasterKeyFile.read(file) {
            if id == nil || content.id == id { return try content.unlock(file, source, context) }
            isForeign = true
        }
        // Killed in the middle of writing, it is no key at all; the database does not name it then.
        let successor = DataDirectory.successor(of: file)
        if id != nil, let content = try? MasterKeyFile.read(successor), content.id == id {
            return try content.unlock(successor, source, context)
        }
        guard isForeign else {
            throw StartError(
                "\(file) does not exist; put the master key of this data directory back, or name it with "
                    + "--master-key-file or KMSD_MASTER_KEY; without it nothing can be read", .noInput)
        }
        throw wrongMasterKey(.file(file, isWrapped: false))
    }

    func wrongMasterKey(_ place: FoundMasterKey.Place) -> StartError {
        var remedy = "put the right one back"
        if case .variable(let name) = place {
            let isFileThere = access(masterKeyFile, F_OK) == 0
            remedy = "set the right one" + (isFileThere ? ", or unset \(name), so that \(masterKeyFile) counts" : "")
        }
        return StartError("\(FoundMasterKey.name(place)) does not belong to this data directory; \(remedy)")
    }

    /// After the database has been opened with the key: ends what an interrupted rotation left.
    package func settle(_ found: FoundMasterKey) throws -> FoundMasterKey {
        guard case .file(let path, let isWrapped) = found.place else {
            unlink(DataDirectory.successor(of: masterKeyFile))
            return found
        }
        let suffix = DataDirectory.successor(of: "")
        guard path.hasSuffix(suffix) else {
            unlink(DataDirectory.successor(of: path))
            return found
        }
        let file = String(path.dropLast(suffix.count))
        try MasterKeyFile.replace(file, with: path)
        return FoundMasterKey(key: found.key, place: .file(file, isWrapped: isWrapped))
    }
}

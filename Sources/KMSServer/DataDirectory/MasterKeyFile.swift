internal import FoundationEssentials
internal import KMSSupport
internal import OpenSSLCrypto

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Content of a file with a master key: the key itself, or the key under a passphrase.
enum MasterKeyFile {
    case plain(MasterKey, id: String)
    case wrapped(WrappedMasterKey)

    /// nil when there is no such file.
    ///
    /// - Throws: `StartError` when it cannot be read, others can read it, or it holds no key.
    static func read(_ file: String) throws -> MasterKeyFile? {
        guard let content = try content(file) else { return nil }
        return try content.withBytes { bytes in
            if let wrapped = WrappedMasterKey(text: bytes) { return .wrapped(wrapped) }
            guard let key = MasterKey(text: bytes) else {
                throw StartError(
                    "the master key \(file) is damaged: expected 64 hexadecimal digits, or a line beginning scrypt$; "
                        + "put a copy of it back", .data)
            }
            return .plain(key, id: try key.id(in: try ProcessContext.get()))
        }
    }

    /// The file as it is; nil when there is none.
    static func content(_ file: String) throws(StartError) -> Secret? {
        var status = stat()
        if stat(file, &status) != 0, errno == ENOENT { return nil }
        try FileCheck.check(
            file, .file, remedy: "chmod 600 \(file)", missing: "put the master key of this data directory back")
        return try SecretFile.content(file, what: "master key")
    }

    var id: String {
        switch self {
        case .plain(_, let id): id
        case .wrapped(let wrapped): wrapped.id
        }
    }

    func unlock(_ file: String, _ source: MasterKeySource, _ context: LibraryContext) throws -> FoundMasterKey {
        switch self {
        case .plain(let key, _): return FoundMasterKey(key: key, place: .file(file, isWrapped: false))
        case .wrapped(let wrapped):
            guard let key = wrapped.open(try source.passphrase(), in: context) else {
                throw StartError(
                    "the passphrase does not open the master key \(file); give the one that was set last", .permission)
            }
            return FoundMasterKey(key: key, place: .file(file, isWrapped: true))
        }
    }

    /// Puts a file in the place of another, for good.
    static func replace(_ file: String, with successor: String) throws(StartError) {
        guard rename(successor, file) == 0 else { throw StartError(cannot: "rename \(successor) to \(file)", errno) }
        try FileCheck.sync(directory: FileCheck.parent(of: file))
    }
}

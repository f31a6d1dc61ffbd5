import Glibc
import KMSConfiguration

/// What is in a folder that `--output` names. Its mode changes and files in it go, so it must be nobody else's.
struct FolderContent {
    static let lock = ".lock"
    static let link = "current"
    /// What becomes `current` by a rename.
    static let newLink = ".current.new"
    /// Folders that every program uses; closed to all but one, or to all but a group, they would stop the machine.
    private static let shared = ["/", "/tmp", "/var/tmp", "/run", "/run/lock", "/dev", "/dev/shm"]

    /// As it is, as far as that is fit for private keys.
    let access: FolderAccess

    /// - Throws: `AgentFailure` unless it is this user's, and empty or an agent's.
    init(of path: String, _ folder: stat) throws {
        guard folder.st_uid == geteuid() else {
            throw AgentFailure(
                .cannotCreate, "\(path) belongs to another user", remedy: "Name a folder of this agent's own.")
        }
        let names: Set<String>
        do {
            names = Set(try ConfigurationFile.names(inFolder: path))
        } catch {
            throw AgentFailure(.cannotCreate, "cannot read \(path): \(error.reason)")
        }
        let isOwn = names.contains(Generation.parent) && !names.isDisjoint(with: [Self.lock, Self.link])
        // Those of an agent that has just begun, and of an empty file system.
        let known: Set = [Self.lock, Self.link, Self.newLink, Generation.parent, "lost+found"]
        guard isOwn || names.isSubset(of: known), !Self.isShared(folder) else {
            throw AgentFailure(
                .cannotCreate, "\(path) is there already and is not an agent's folder",
                remedy: "Name a folder that is not there yet, or an empty one, such as \(path)/kms-tls.")
        }
        if names.contains(Self.lock) { try Self.check("\(path)/\(Self.lock)", S_IFREG, "a file") }
        if names.contains(Self.link) {
            try Self.check("\(path)/\(Self.link)", S_IFLNK, "a symbolic link")
            _ = try Self.target(in: path)
        }
        var generations: stat?
        if names.contains(Generation.parent) {
            generations = try Self.check("\(path)/\(Generation.parent)", S_IFDIR, "a folder")
        }
        // Open to the world it was not left by an agent: its own folder in there says who may read.
        guard folder.st_mode & 0o007 != 0 else {
            access = FolderAccess(keeping: folder)
            return
        }
        access = generations.map(FolderAccess.init(keeping:)) ?? FolderAccess(group: nil)
    }

    /// Where `current` leads, from the folder; nil: there is no such link.
    ///
    /// - Throws: `AgentFailure` when that is no generation of the same folder.
    static func target(in path: String) throws -> String? {
        guard let target = PrivateFile.link("\(path)/\(link)") else { return nil }
        let parts = target.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == Generation.parent, !["", ".", ".."].contains(parts[1]) else {
            throw AgentFailure(
                .cannotCreate, "\(path)/\(link) leads out of \(path)/\(Generation.parent)",
                remedy: "Remove this link, or name another folder.")
        }
        return target
    }

    @discardableResult
    private static func check(_ path: String, _ kind: mode_t, _ words: String) throws -> stat {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw OutputFolder.failure(path) }
        guard status.st_mode & S_IFMT == kind, status.st_uid == geteuid() else {
            throw AgentFailure(
                .cannotCreate, "\(path) is not \(words) of this agent's user",
                remedy: "Move it away, or name another folder.")
        }
        return status
    }

    private static func isShared(_ folder: stat) -> Bool {
        shared.contains { name in
            var status = stat()
            return stat(name, &status) == 0 && status.st_dev == folder.st_dev && status.st_ino == folder.st_ino
        }
    }
}

import CFileSystem
import Glibc
import KMSConfiguration

/// The folder of `--output`, before anything is written into it: in memory, and for nobody but its owner and a group.
struct OutputFolder {
    let path: String
    /// Who may read besides the owner; nil: nobody.
    let group: gid_t?
    /// Also on a disk.
    let allowsDisk: Bool

    init(_ path: String, group: String?, allowsDisk: Bool) throws {
        var path = Target.absolute(path)
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        self.allowsDisk = allowsDisk
        self.group = try group.map { name in
            guard let entry = getgrnam(name) else {
                throw AgentFailure(.configuration, "there is no group \"\(name)\" on this machine")
            }
            return entry.pointee.gr_gid
        }
    }

    var folderMode: mode_t { group == nil ? 0o700 : 0o750 }
    var fileMode: mode_t { group == nil ? 0o600 : 0o640 }

    /// Makes it if need be.
    ///
    /// - Parameter isDryRun: only look, if there is anything.
    /// - Throws: `AgentFailure` for a folder that is no place for private keys.
    func prepare(isDryRun: Bool) throws {
        if isDryRun, !ConfigurationFile.exists(path) { return }
        guard isDryRun || mkdir(path, 0o700) == 0 || errno == EEXIST else { throw Self.failure(path) }
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(path) }
        defer { close(descriptor) }
        try checkMemory(descriptor)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure(path) }
        guard status.st_uid == geteuid() else {
            throw AgentFailure(
                .cannotCreate, "\(path) belongs to another user", remedy: "Name a folder of this agent's own.")
        }
        if !isDryRun { try adopt(descriptor, mode: folderMode, path) }
    }

    /// Private keys do not touch a disk unless somebody says so.
    private func checkMemory(_ descriptor: CInt) throws {
        var system = statfs()
        guard fstatfs(descriptor, &system) == 0 else { throw Self.failure(path) }
        // TMPFS_MAGIC and RAMFS_MAGIC of statfs(2).
        guard allowsDisk || [0x0102_1994, 0x8584_58F6].contains(UInt32(truncatingIfNeeded: system.f_type)) else {
            throw AgentFailure(
                .cannotCreate, "\(path) is on a disk, where private keys would stay",
                remedy: "Name a folder on a tmpfs, such as /run/kms-tls; --allow-disk takes this one all the same.")
        }
    }

    /// A folder or a file gets its owner's group and mode, whatever the umask.
    func adopt(_ descriptor: CInt, mode: mode_t, _ path: String) throws {
        guard fchown(descriptor, uid_t.max, group ?? gid_t.max) == 0, fchmod(descriptor, mode) == 0 else {
            throw Self.failure(path)
        }
    }

    /// What errno says.
    static func failure(_ path: String) -> AgentFailure {
        let reason = errno
        return AgentFailure(
            .cannotCreate, "cannot write \(path): \(String(cString: strerror(reason)))",
            remedy: reason == EPERM
                ? "Run the agent as root, or as a member of the group." : reason == ENOSPC ? "Make room there." : nil)
    }
}

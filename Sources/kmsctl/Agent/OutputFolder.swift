import CFileSystem
import Glibc
import KMSConfiguration

/// The folder of `--output`, before anything is written into it: in memory, the agent's own, and for nobody but its
/// owner and a group.
struct OutputFolder {
    let path: String
    /// Of `--group`; nil: that of the folder, if it is there.
    private let wanted: FolderAccess?
    /// Also on a disk.
    private let allowsDisk: Bool
    /// Holds after `prepare`.
    private(set) var access = FolderAccess(group: nil)

    init(_ path: String, group: String?, allowsDisk: Bool) throws {
        var path = Target.absolute(path)
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        self.allowsDisk = allowsDisk
        wanted = try group.map { try FolderAccess(groupNamed: $0) }
    }

    /// Makes it if need be.
    ///
    /// - Parameter isDryRun: only look.
    /// - Throws: `AgentFailure` for a folder that is no place for private keys; then nothing has changed.
    mutating func prepare(isDryRun: Bool) throws {
        var status = stat()
        let isThere = lstat(path, &status) == 0 || errno != ENOENT
        guard !isThere else { return try take(isDryRun: isDryRun) }
        let parent = self.parent
        try checkMemory(parent)
        guard Glibc.access(parent, W_OK | X_OK) == 0 else { throw Self.failure(path) }
        if isDryRun { return }
        // Another agent may have been faster.
        let isMade = mkdir(path, 0o700) == 0
        guard isMade || errno == EEXIST else { throw Self.failure(path) }
        do {
            try take(isDryRun: false)
        } catch {
            if isMade { rmdir(path) }
            throw error
        }
    }

    private var parent: String {
        let end = path.lastIndex(of: "/") ?? path.startIndex
        return end == path.startIndex ? "/" : String(path[..<end])
    }

    private mutating func take(isDryRun: Bool) throws {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(path) }
        defer { close(descriptor) }
        try checkMemory(path)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure(path) }
        let content = try FolderContent(of: path, status)
        access = wanted ?? content.access
        guard Glibc.access(path, W_OK | X_OK) == 0 else { throw Self.failure(path) }
        if !isDryRun { try access.apply(to: descriptor, path) }
    }

    /// Private keys do not touch a disk unless somebody says so.
    private func checkMemory(_ place: String) throws {
        var system = statfs()
        guard statfs(place, &system) == 0 else { throw Self.failure(path) }
        // TMPFS_MAGIC and RAMFS_MAGIC of statfs(2).
        guard allowsDisk || [0x0102_1994, 0x8584_58F6].contains(UInt32(truncatingIfNeeded: system.f_type)) else {
            throw AgentFailure(
                .cannotCreate, "\(path) is on a disk, where private keys would stay",
                remedy: "Name a folder on a tmpfs, such as /run/kms-tls; --allow-disk takes this one all the same.")
        }
    }

    /// What errno says.
    static func failure(_ path: String) -> AgentFailure {
        let reason = errno
        let remedy: String? =
            switch reason {
            case EPERM: "Run the agent as root, or as a member of the group."
            case ENOSPC: "Make room there."
            case ENOENT: "Make the folder that it shall be in first."
            default: nil
            }
        return AgentFailure(
            .cannotCreate, "cannot write \(path): \(String(cString: strerror(reason)))", remedy: remedy)
    }
}

import Glibc

/// Who may read an agent's folders and files besides the user that it runs as.
struct FolderAccess {
    /// nil: nobody.
    let group: gid_t?

    private var folderMode: mode_t { group == nil ? 0o700 : 0o750 }
    private var fileMode: mode_t { group == nil ? 0o600 : 0o640 }

    /// - Parameter name: of a group, or its number.
    init(groupNamed name: String) throws {
        if let entry = getgrnam(name) {
            group = entry.pointee.gr_gid
        } else if let number = gid_t(name), number != gid_t.max {
            group = number
        } else {
            throw AgentFailure(.configuration, "there is no group \"\(name)\" on this machine")
        }
    }

    init(group: gid_t?) { self.group = group }

    /// As it is already: a group that may look into the folder may go on.
    init(keeping folder: stat) { group = folder.st_mode & 0o050 == 0o050 ? folder.st_gid : nil }

    /// A folder or a file gets group and mode, whatever the umask, and whoever changed them.
    func apply(to descriptor: CInt, _ path: String) throws {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw OutputFolder.failure(path) }
        let mode = status.st_mode & S_IFMT == S_IFDIR ? folderMode : fileMode
        if let group, status.st_gid != group {
            guard fchown(descriptor, uid_t.max, group) == 0 else { throw OutputFolder.failure(path) }
        }
        guard status.st_mode & 0o7777 == mode || fchmod(descriptor, mode) == 0 else {
            throw OutputFolder.failure(path)
        }
    }
}

import Glibc
import KMSConfiguration
import KMSSupport

/// One complete set of files, `HOST.crt` and `HOST.key`, in a folder of its own. It never changes once it is in use.
///
/// `www` in it is empty and stays so: NGINX's `root` points to it, so that `$realpath_root` tells which generation holds
/// without any key being below a root.
struct Generation {
    let path: String
    private let folder: OutputFolder

    static let parent = "generations"

    /// A new one, empty.
    init(in folder: OutputFolder) throws {
        self.folder = folder
        let parent = "\(folder.path)/\(Self.parent)"
        guard mkdir(parent, 0o700) == 0 || errno == EEXIST else { throw OutputFolder.failure(parent) }
        try Self.apply(folder.access, to: parent)
        guard let made = TemporaryPath.makeFolder("\(parent)/") else { throw OutputFolder.failure(parent) }
        path = made
        do {
            try Self.apply(folder.access, to: path)
            guard mkdir("\(path)/www", 0o700) == 0 else { throw OutputFolder.failure(path) }
            try Self.apply(folder.access, to: "\(path)/www")
        } catch {
            remove()
            throw error
        }
    }

    /// One that is there.
    init(existing path: String, in folder: OutputFolder) {
        self.path = path
        self.folder = folder
    }

    /// Brings all of it in line with what --group says now, whoever changed it.
    func refreshAccess() throws {
        let parts = ["www"] + names
        for part in ["\(folder.path)/\(Self.parent)", path] + parts.map({ "\(path)/\($0)" }) {
            try Self.apply(folder.access, to: part)
        }
    }

    /// What is gone meanwhile has been replaced by another agent.
    private static func apply(_ access: FolderAccess, to path: String) throws {
        let descriptor = Glibc.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return }
            throw OutputFolder.failure(path)
        }
        defer { close(descriptor) }
        try access.apply(to: descriptor, path)
    }

    /// The file names; empty when it is gone.
    var names: [String] { (try? ConfigurationFile.names(inFolder: path))?.filter { $0 != "www" } ?? [] }

    /// nil: there is no such file.
    func read(_ name: String) throws -> Secret? {
        let file = "\(path)/\(name)"
        guard ConfigurationFile.exists(file) else { return nil }
        do {
            var bytes = try ConfigurationFile(path: file).bytes
            return Secret(copying: &bytes)
        } catch {
            throw AgentFailure(.cannotCreate, "cannot read \(file): \(error.reason)")
        }
    }

    func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
        let file = "\(path)/\(name)"
        let descriptor = Glibc.open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw OutputFolder.failure(file) }
        defer { close(descriptor) }
        try folder.access.apply(to: descriptor, file)
        guard PrivateFile.writeAll(bytes, to: descriptor), fsync(descriptor) == 0 else {
            throw OutputFolder.failure(file)
        }
    }

    /// The same file in two generations, without a copy.
    func take(_ name: String, from other: Generation) throws {
        guard link("\(other.path)/\(name)", "\(path)/\(name)") == 0 else {
            throw OutputFolder.failure("\(path)/\(name)")
        }
    }

    func remove() {
        for name in names { unlink("\(path)/\(name)") }
        rmdir("\(path)/www")
        rmdir(path)
    }
}

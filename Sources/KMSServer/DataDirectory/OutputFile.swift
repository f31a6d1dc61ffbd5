#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// A file that the operator has a command write. A wrong name must not cost what is there.
enum OutputFile {
    /// Where the file is, without symbolic links.
    ///
    /// - Parameter directory: whose files kmsd alone writes; it need not exist.
    /// - Throws: `StartError` 73 for what is no ordinary file, such as a device, and for a place in the directory.
    static func place(_ path: String, outsideOf directory: DataDirectory) throws(StartError) -> String {
        guard !path.isEmpty else { throw StartError("the name of the file to write is empty; name one", .usage) }
        let place = try resolved(path)
        guard try !isInside(place, directory.path) else {
            throw StartError(
                "\(path) is in the data directory \(directory.path), and was not changed; name a file elsewhere",
                .cannotCreate)
        }
        return place
    }

    private static func resolved(_ path: String) throws(StartError) -> String {
        var status = stat()
        if lstat(path, &status) == 0 {
            guard let place = real(path) else { throw failure(path) }
            guard stat(place, &status) == 0 else { throw failure(path) }
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw StartError(
                    "\(path) is not an ordinary file, and was not changed; name another file", .cannotCreate)
            }
            return place
        }
        guard errno == ENOENT, path.last != "/", let name = path.split(separator: "/").last,
            let parent = real(FileCheck.parent(of: path))
        else { throw failure(path) }
        return (parent == "/" ? "" : parent) + "/" + name
    }

    /// Whether one of the directories above the place is this one. Compared by identity: there may be other ways to it,
    /// such as bind mounts.
    private static func isInside(_ place: String, _ directory: String) throws(StartError) -> Bool {
        var wanted = stat()
        guard stat(directory, &wanted) == 0 else { return false }
        var above = place
        while above != "/" {
            above = FileCheck.parent(of: above)
            var status = stat()
            guard stat(above, &status) == 0 else { throw failure(above) }
            if status.st_dev == wanted.st_dev, status.st_ino == wanted.st_ino { return true }
        }
        return false
    }

    private static func real(_ path: String) -> String? {
        guard let place = realpath(path, nil) else { return nil }
        defer { free(place) }
        return String(cString: place)
    }

    private static func failure(_ path: String) -> StartError {
        StartError(cannot: "write \(path)", errno, otherwise: .cannotCreate)
    }
}

import Glibc
import KMSConfiguration
import KMSSupport

/// Files for an NGINX without a key-value store. `DIR/current` leads to the generation that holds, and one rename
/// replaces all of it: no reader ever sees the certificate of one generation with the key of another.
final class FolderStore: EntryStore {
    /// How long a reader may take between asking where `current` leads and opening what is there, in milliseconds.
    /// NGINX does both in one go.
    private static let grace = 500

    private var folder: OutputFolder
    private let isDryRun: Bool
    /// nil: to be removed.
    private var changes: [(host: String, entry: TLSEntry?)] = []

    init(_ folder: OutputFolder, isDryRun: Bool) {
        self.folder = folder
        self.isDryRun = isDryRun
    }

    var name: String { folder.path }

    private var link: String { "\(folder.path)/\(FolderContent.link)" }

    func open() throws {
        changes = []
        try folder.prepare(isDryRun: isDryRun)
        let current = try current
        if !isDryRun { try current?.refreshAccess() }
    }

    func held(_ host: String) throws -> Secret? {
        guard let current = try current, let key = try current.read("\(host).key"),
            let chain = try current.read("\(host).crt")
        else { return nil }
        return chain.withBytes { TLSEntry.text(key, $0) }
    }

    func put(_ entry: TLSEntry) { changes.append((entry.host, entry)) }

    func remove(_ host: String) { changes.append((host, nil)) }

    func commit() throws {
        guard !changes.isEmpty else { return }
        defer { changes = [] }
        let lock = try lock()
        defer { close(lock) }
        let old = try current
        let new = try Generation(in: folder)
        do {
            try fill(new, from: old)
            try activate(new)
        } catch {
            new.remove()
            throw error
        }
        Gate.pause(milliseconds: Self.grace)
        removeOthers(than: new)
    }

    /// nil: there is none yet.
    private var current: Generation? {
        get throws {
            try FolderContent.target(in: folder.path).map {
                Generation(existing: "\(folder.path)/\($0)", in: folder)
            }
        }
    }

    private func fill(_ new: Generation, from old: Generation?) throws {
        let changed = Set(changes.flatMap { ["\($0.host).key", "\($0.host).crt"] })
        if let old {
            for name in old.names where !changed.contains(name) { try new.take(name, from: old) }
        }
        for case (let host, let entry?) in changes {
            try entry.key.withBytes { try new.write("\(host).key", $0) }
            try entry.chain.withUnsafeBytes { try new.write("\(host).crt", $0) }
        }
    }

    private func activate(_ new: Generation) throws {
        let name = new.path.split(separator: "/").last.map(String.init) ?? ""
        let temporary = "\(folder.path)/\(FolderContent.newLink)"
        unlink(temporary)
        guard symlink("\(Generation.parent)/\(name)", temporary) == 0, rename(temporary, link) == 0 else {
            let failure = OutputFolder.failure(link)
            unlink(temporary)
            throw failure
        }
    }

    /// Also what an agent that was killed has left.
    private func removeOthers(than new: Generation) {
        let parent = "\(folder.path)/\(Generation.parent)"
        for name in (try? ConfigurationFile.names(inFolder: parent)) ?? [] where "\(parent)/\(name)" != new.path {
            Generation(existing: "\(parent)/\(name)", in: folder).remove()
        }
    }

    /// Agents with the same folder wait for each other, 10 s at most. The lock ends with the descriptor.
    private func lock() throws -> CInt {
        let path = "\(folder.path)/\(FolderContent.lock)"
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw OutputFolder.failure(path) }
        let deadline = Deadline(milliseconds: 10_000)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard !deadline.isOver else {
                close(descriptor)
                throw AgentFailure(.temporary, "another agent is writing to \(folder.path)", remedy: "Try again later.")
            }
            Gate.pause(milliseconds: 50)
        }
        return descriptor
    }
}

package import GRDB
internal import KMSSupport

/// Whether the last write reached the database, for GET /sys/v1/health.
package final class StorageHealth: Sendable {
    private let failure = Locked<KMSError?>(nil)

    package init() {}

    /// What the last write failed with; nil when it did not.
    package var lastFailure: KMSError? { failure.withLock { $0 } }

    /// Performs a write and remembers how it went.
    package func observing<Value: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ write: () async throws -> Value
    ) async throws -> Value {
        do {
            let value = try await write()
            failure.withLock { $0 = nil }
            return value
        } catch {
            note(error)
            throw error
        }
    }

    /// The same for a write that nothing waits for.
    package func observing<Value>(_ write: () throws -> Value) throws -> Value {
        do {
            let value = try write()
            failure.withLock { $0 = nil }
            return value
        } catch {
            note(error)
            throw error
        }
    }

    private func note(_ error: any Error) {
        guard let error = error as? DatabaseError, let answer = KMSError(storage: error) else { return }
        failure.withLock { $0 = answer }
    }
}

extension KMSError {
    /// The answer to a failure of the database that lies outside kmsd; nil for one that is a mistake in kmsd.
    package init?(storage error: DatabaseError) {
        switch error.resultCode {
        case .SQLITE_FULL:
            self.init(
                .init(code: 507, reasonPhrase: "Insufficient Storage"),
                "The disk that holds the data directory is full; nothing was stored")
        case .SQLITE_READONLY:
            self.init(.serviceUnavailable, "The data directory is not writable; nothing was stored")
        case .SQLITE_IOERR, .SQLITE_CANTOPEN:
            self.init(.serviceUnavailable, "The data directory cannot be read or written (I/O error)")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self.init(.serviceUnavailable, "The database is damaged; restore it from a backup")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(.serviceUnavailable, "The database is busy; another program may have it open")
        default:
            return nil
        }
    }
}

package import GRDB
internal import KMSSupport
package import Logging

/// Whether the database can be written and read, for GET /sys/v1/health and the log.
///
/// An outage is logged when it begins and when it is over, and not with each request that it hits.
package final class StorageHealth: Sendable {
    private struct Outage: Sendable {
        var answer: KMSError
        var last: ContinuousClock.Instant
    }

    /// On a full disk small writes still succeed now and then. An outage is over when none failed for so long.
    private static var quiet: Duration { .seconds(5) }

    private let outage = Locked<Outage?>(nil)
    private let logger: Logger

    package init(logger: Logger) { self.logger = logger }

    /// What fails, in the words for clients; nil when nothing does.
    package var lastFailure: KMSError? { outage.withLock { $0?.answer } }

    /// Performs a write and remembers how it went.
    ///
    /// - Throws: `KMSError` 503 or 507 in place of an error of the database that lies outside kmsd.
    package func observing<Value: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ write: () async throws -> Value
    ) async throws -> Value {
        do {
            let value = try await write()
            succeeded()
            return value
        } catch {
            throw noted(error)
        }
    }

    /// The same for a write that nothing waits for.
    package func observing<Value>(_ write: () throws -> Value) throws -> Value {
        do {
            let value = try write()
            succeeded()
            return value
        } catch {
            throw noted(error)
        }
    }

    /// The write that was made to see whether writing works again did work.
    package func recovered() {
        let isNews = outage.withLock { outage in
            defer { outage = nil }
            return outage != nil
        }
        if isNews { logger.notice("storage works again") }
    }

    /// Something could not be written or read.
    ///
    /// - Parameter detail: for the log.
    package func failed(_ answer: KMSError, _ detail: String) {
        let isNews = outage.withLock { outage in
            defer { outage = Outage(answer: answer, last: .now) }
            return outage?.answer.message != answer.message
        }
        guard isNews else { return }
        logger.error(
            "storage fails; what has to be stored or recorded, signatures too, is refused until it works again",
            metadata: ["reason": "\(answer.message)", "error": "\(detail)"])
    }

    private func succeeded() {
        let isOver = outage.withLock { outage in outage.map { .now - $0.last >= StorageHealth.quiet } ?? false }
        if isOver { recovered() }
    }

    private func noted(_ error: any Error) -> any Error {
        guard let error = error as? DatabaseError, let answer = KMSError(storage: error) else { return error }
        failed(answer, "\(error)")
        return answer
    }
}

extension KMSError {
    /// The answer to a failure of the database that lies outside kmsd; nil for one that is a mistake in kmsd.
    package init?(storage error: DatabaseError) {
        switch error.resultCode {
        case .SQLITE_FULL:
            self = .diskFull
        // The index of the write-ahead log could not grow, for which SQLite has no other code.
        case .SQLITE_IOERR where error.extendedResultCode == .SQLITE_IOERR_SHMSIZE:
            self = .diskFull
        case .SQLITE_READONLY:
            self.init(.serviceUnavailable, "The data directory is not writable; nothing was stored")
        case .SQLITE_IOERR, .SQLITE_CANTOPEN:
            self = .storageUnreachable
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self.init(
                .serviceUnavailable,
                "The database is damaged or its disk fails; run kmsd verify, and restore a backup if need be")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(.serviceUnavailable, "The database is busy; another program may have it open")
        default:
            return nil
        }
    }

    private static var diskFull: KMSError {
        KMSError(
            .init(code: 507, reasonPhrase: "Insufficient Storage"),
            "The disk that holds the data directory is full; nothing was stored")
    }

    package static var storageUnreachable: KMSError {
        KMSError(.serviceUnavailable, "The data directory cannot be read or written (I/O error)")
    }
}

import FoundationEssentials
import Glibc
import KMSModel

/// `kmsctl audit --follow`: prints every new entry once, over restarts of the KMS and new sessions.
struct AuditFollower {
    /// Between two requests, in seconds.
    private static let pause: UInt32 = 1

    let options: ConnectionOptions
    let filter: AuditFilter
    /// Of entries that are there already; nil: all.
    let limit: Int?

    /// SIGINT is how following ends, so it is no failure. Every line is written at once; nothing is left to do.
    static func endQuietlyWhenInterrupted() { signal(SIGINT) { _ in _exit(0) } }

    /// - Returns: never without an error: what the KMS refuses for good, or output that cannot be written.
    func run(_ first: AdminClient, _ names: AuditNames) throws {
        var client = first
        var last: String?
        try AuditPages(client: client, filter: filter).forEach(newest: limit) { hit in
            try show(hit, names)
            last = hit.id
        }
        var trouble: CommandFailure.Code?
        while true {
            sleep(Self.pause)
            do {
                let (hits, newest) = try AuditPages(client: client, filter: filter).newer(than: last)
                names.complete(for: hits, client)
                for hit in hits { try show(hit, names) }
                last = newest
                if trouble != nil { Output.note("following again") }
                trouble = nil
            } catch let failure as CommandFailure where failure.code.mayPass {
                if trouble != failure.code { Output.note("\(failure.message); trying again") }
                trouble = failure.code
                if failure.code == .unauthenticated { client = try renewed(client) }
            }
        }
    }

    private func show(_ hit: AuditHit, _ names: AuditNames) throws {
        let view = AuditView(hit, names: names)
        if options.json {
            try Output.line(view)
        } else {
            Output.print(view.line)
        }
        try Output.check()
    }

    /// Sessions end with the KMS. An app opens a new one; of a user, the session file tells when there is one.
    ///
    /// - Throws: when an app's API key is not accepted any more.
    private func renewed(_ client: AdminClient) throws -> AdminClient {
        do {
            return try AdminClient.connect(options)
        } catch let failure as CommandFailure {
            if case .app = client.identity, failure.code == .unauthenticated { throw failure }
            return client
        }
    }
}

extension CommandFailure.Code {
    /// Whether waiting may help.
    fileprivate var mayPass: Bool { self == .unreachable || self == .unauthenticated }
}

import KMSModel

/// Which entries of the audit log are wanted, as parameters of GET /sys/v1/logs.
struct AuditFilter {
    private(set) var query = ""

    mutating func add(_ name: String, _ value: String?) {
        if let value { query += "&\(name)=\(AdminClient.escaped(value))" }
    }
}

/// The audit log in pages, which the API answers newest first.
struct AuditPages {
    /// Entries of one request; the API gives no more.
    private static let most = 1000

    let client: AdminClient
    let filter: AuditFilter

    /// - Parameter id: only entries older than this one.
    func page(size: Int, before id: String? = nil) throws -> [AuditHit] {
        var path = "/sys/v1/logs?size=\(size)" + filter.query
        if let id { path += "&previous_id=\(AdminClient.escaped(id))" }
        return try client.get(path, doing: "reading the audit log", as: AuditResponse.self).hits
    }

    /// Hands over the newest `count` entries, or all, oldest first. Two pages are in memory, however many there are:
    /// on the way to the oldest it only notes where the pages begin, and reads them again on the way back.
    func forEach(newest count: Int?, _ body: (AuditHit) throws -> Void) throws {
        var left = count ?? .max
        var size = min(Self.most, left)
        let newest = try page(size: size)
        var starts: [(id: String, count: Int)] = []
        var oldest = newest
        while oldest.count == size, left > size, let last = oldest.last {
            left -= size
            size = min(Self.most, left)
            let next = try page(size: size, before: last.id)
            guard !next.isEmpty else { break }
            starts.append((last.id, next.count))
            oldest = next
        }
        for (number, start) in starts.enumerated().reversed() {
            let hits = number == starts.count - 1 ? oldest : try page(size: start.count, before: start.id)
            try hits.reversed().forEach(body)
        }
        try newest.reversed().forEach(body)
    }

    /// Entries that came after the one with this id, oldest first; all when it is nil.
    ///
    /// - Returns: also the id to ask with next. After a restore of the KMS from a backup the log is shorter than it
    ///   was; that id is then lower, and nothing is handed over twice.
    func newer(than id: String?) throws -> (hits: [AuditHit], newest: String?) {
        let size = 100
        var hits: [AuditHit] = []
        var newest: String?
        while true {
            let page = try page(size: size, before: hits.last?.id)
            newest = newest ?? page.first?.id ?? id
            let fresh = page.prefix { !isSeen($0.id, last: id) }
            hits += fresh
            if fresh.count < size { return (hits.reversed(), newest) }
        }
    }

    /// Ids are numbers in kmsd, and nothing known in other servers.
    private func isSeen(_ id: String, last: String?) -> Bool {
        guard let last, let number = Int64(id), let lastNumber = Int64(last) else { return id == last }
        return number <= lastNumber
    }
}

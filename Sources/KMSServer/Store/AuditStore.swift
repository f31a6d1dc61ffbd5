internal import FoundationEssentials
package import GRDB
internal import KMSModel

/// The audit table. It only grows; triggers refuse everything else.
package enum AuditStore {
    /// A row with its place in the chain.
    package struct Entry: Sendable {
        package var sequence: Int64
        /// The record's JSON, exactly the bytes that the chain covers.
        package var record: String
        package var chain: [UInt8]
    }

    package struct Filter: Sendable {
        package var size = Query.longestPage
        package var from = 0
        /// Seconds since the epoch, inclusive.
        package var rangeFrom: Int?
        package var rangeTo: Int?
        /// Only records of this account, and those of the machine's operator.
        package var account: String?
        package var actionType: String?
        package var actorType: String?
        package var actorID: String?
        package var objectID: String?
        package var severity: String?
        /// Only entries after this one in the listing's order, which is newest first.
        package var previous: Int64?
        /// Only records that touch one of these groups; nil: all.
        package var groups: [String]?

        package init() {}

        /// What is left of the page when `count` entries have been shown, of which `last` was the last one.
        package func after(_ last: Entry, count: Int) -> Filter? {
            guard count < size else { return nil }
            var rest = self
            rest.previous = last.sequence
            rest.size -= count
            rest.from = 0
            return rest
        }
    }

    /// A record that is to be appended.
    struct NewEntry {
        var record: UnsettledRecord
        var chain: [UInt8]
    }

    /// Appends entries and moves the head from `old` to `new`, in the caller's transaction.
    ///
    /// - Returns: false, with nothing done, when the head is not where it was expected.
    static func append(
        _ entries: [NewEntry], from old: AuditHead, to new: AuditHead, in db: Database
    ) throws -> Bool {
        let move = try DirectStatement(
            """
            UPDATE audit_head SET count = ?, chain = ?, position = ?, mac = ?
            WHERE count = ? AND chain = ? AND position = ? AND mac = ?
            """, in: db)
        let moved = try move.run(
            .integer(new.count), .blob(new.chain), .integer(new.position), .blob(new.mac),
            .integer(old.count), .blob(old.chain), .integer(old.position), .blob(old.mac))
        guard moved == 1 else { return false }
        let insert = try DirectStatement(
            """
            INSERT INTO audit (sequence, time, action_type, actor_id, object_id, record, chain)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """, in: db)
        for (sequence, entry) in zip((old.count + 1)..., entries) {
            try insert.run(
                .integer(sequence), .integer(entry.record.time.seconds), .text(entry.record.actionType),
                .text(entry.record.actorID), .text(entry.record.objectID), .utf8(entry.record.json), .blob(entry.chain))
        }
        return true
    }

    /// nil in a database that a kmsd without such a head wrote last.
    package static func head(in db: Database) throws -> AuditHead? {
        try Row.fetchOne(try db.cachedStatement(sql: "SELECT count, chain, position, mac FROM audit_head")).map {
            row in
            AuditHead(
                count: row[0], chain: Array(row[1] as Data), position: row[2], mac: Array(row[3] as Data))
        }
    }

    package static func makeHead(_ head: AuditHead, in db: Database) throws {
        try db.execute(
            sql: "INSERT INTO audit_head (id, count, chain, mac) VALUES (1, ?, ?, ?)",
            arguments: [head.count, Data(head.chain), Data(head.mac)])
    }

    /// The last row of the table itself.
    package static func last(in db: Database) throws -> Entry? {
        try Row.fetchOne(db, sql: "SELECT * FROM audit ORDER BY sequence DESC LIMIT 1").map(entry)
    }

    /// A page of the log, newest first, one entry at a time.
    ///
    /// - Parameter body: answers whether it wants another one.
    package static func forEach(_ filter: Filter, in db: Database, _ body: (Entry) throws -> Bool) throws {
        var condition = "1"
        var arguments: StatementArguments = []
        func add(_ clause: String, _ value: (any DatabaseValueConvertible)?) {
            guard let value else { return }
            condition += " AND " + clause
            arguments += [value]
        }
        add("time >= ?", filter.rangeFrom)
        add("time <= ?", filter.rangeTo)
        if let account = filter.account {
            condition += """
                 AND ifnull(json_extract(record, '$.acct_id'), json_extract(record, '$.actor_type')) IN (?, ?)
                """
            arguments += [account, AuditEvent.systemActor]
        }
        add("action_type = ?", filter.actionType)
        add("json_extract(record, '$.actor_type') = ? COLLATE NOCASE", filter.actorType)
        add("actor_id = ?", filter.actorID)
        add("object_id = ?", filter.objectID)
        add("json_extract(record, '$.severity') = ?", filter.severity)
        add("sequence < ?", filter.previous)
        if let groups = filter.groups {
            let list = String(decoding: try JSONEncoder().encode(groups), as: UTF8.self)
            add(
                """
                EXISTS (SELECT 1 FROM json_each(record, '$.group_ids') AS touched
                    WHERE touched.value IN (SELECT value FROM json_each(?)))
                """, list)
        }
        arguments += [filter.size, filter.from]
        let rows = try Row.fetchCursor(
            db, sql: "SELECT * FROM audit WHERE \(condition) ORDER BY sequence DESC LIMIT ? OFFSET ?",
            arguments: arguments)
        while let row = try rows.next(), try body(entry(row)) {}
    }

    /// The whole table from its beginning, one entry at a time.
    ///
    /// - Parameter body: gets the entry, and whether the columns that queries look at say what its record says.
    package static func forEach(in db: Database, _ body: (Entry, _ columnsFit: Bool) throws -> Void) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT sequence, record, chain,
                    CASE WHEN json_valid(record) THEN action_type IS json_extract(record, '$.action_type')
                        AND actor_id IS json_extract(record, '$.actor_id')
                        AND object_id IS json_extract(record, '$.object_id')
                        AND time IS CAST(strftime('%s', json_extract(record, '$.time')) AS INTEGER)
                    ELSE 0 END AS fits
                FROM audit ORDER BY sequence
                """)
        while let row = try rows.next() { try body(entry(row), row["fits"] ?? false) }
    }

    private static func entry(_ row: Row) -> Entry {
        Entry(sequence: row["sequence"], record: row["record"], chain: Array(row["chain"] as Data))
    }
}

internal import GRDB

/// The SQLite file itself: its structure, its schema, and that what rows refer to is there.
enum DatabaseCheck {
    static func isWhole(_ db: Database, _ findings: Findings) throws -> Bool {
        let before = findings.count
        do {
            for line in try String.fetchAll(db, sql: "PRAGMA integrity_check") where line != "ok" {
                findings.add("database: \(line.replacing("\n", with: " "))")
            }
            try schema(db, findings)
        } catch let error as DatabaseError where error.cause == .data {
            findings.add("database: \(error.reason)")
        }
        guard findings.count > before else { return true }
        findings.add("database: nothing else was verified; restore it from a backup")
        return false
    }

    /// Compares with what the migrations make: a dropped trigger would let the audit log be changed.
    private static func schema(_ db: Database, _ findings: Findings) throws {
        let wanted = try DatabaseQueue()
        try Migrations.all.migrate(wanted)
        let expected = try wanted.read(entries)
        let found = try entries(db)
        for (name, sql) in expected.sorted(by: { $0.key < $1.key }) where found[name] != sql {
            findings.add("database schema: \(name) \(found[name] == nil ? "is missing" : "was changed")")
        }
        for name in found.keys.sorted() where expected[name] == nil {
            findings.add("database schema: \(name) was added")
        }
    }

    private static func entries(_ db: Database) throws -> [String: String] {
        var entries: [String: String] = [:]
        let rows = try Row.fetchCursor(
            db, sql: "SELECT type || ' ' || name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        while let row = try rows.next() { entries[row[0] ?? ""] = row[1] ?? "" }
        return entries
    }

    static func foreignKeys(_ db: Database, _ findings: Findings) throws {
        let violations = try db.foreignKeyViolations()
        while let violation = try violations.next() {
            let row = violation.originRowID.map { "row \($0)" } ?? "a row"
            findings.add(
                "table \(violation.originTable): \(row) refers to a missing row of \(violation.destinationTable)")
        }
    }
}

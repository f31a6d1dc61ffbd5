internal import Foundation
internal import GRDB
internal import GRDBSQLite

/// A statement that runs for each signature, with its arguments given to SQLite as they are: GRDB's conversions take
/// several times as long as the statement. It returns no rows, and is for transactions that GRDB began.
struct DirectStatement {
    enum Argument {
        case integer(Int64)
        case text(String?)
        case utf8([UInt8])
        case blob([UInt8])
    }

    private let db: Database
    /// Of the connection's cache, which owns it.
    private let statement: Statement

    init(_ sql: String, in db: Database) throws {
        self.db = db
        statement = try db.cachedStatement(sql: sql)
    }

    /// - Returns: the number of rows that were changed.
    @discardableResult
    func run(_ arguments: Argument...) throws -> Int {
        let pointer = statement.sqliteStatement
        defer {
            sqlite3_reset(pointer)
            sqlite3_clear_bindings(pointer)
        }
        for (index, argument) in arguments.enumerated() {
            try check(argument.bind(to: pointer, at: Int32(index + 1)), SQLITE_OK)
        }
        try check(sqlite3_step(pointer), SQLITE_DONE)
        return db.changesCount
    }

    private func check(_ code: Int32, _ wanted: Int32) throws {
        guard code != wanted else { return }
        let code = db.sqliteConnection.map { sqlite3_extended_errcode($0) } ?? code
        let message = db.sqliteConnection.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) }
        throw DatabaseError(resultCode: ResultCode(rawValue: code), message: message)
    }
}

extension DirectStatement.Argument {
    /// SQLITE_TRANSIENT: SQLite copies what is there.
    private var copying: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

    fileprivate func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        switch self {
        case .integer(let value): sqlite3_bind_int64(statement, index, value)
        case .text(nil): sqlite3_bind_null(statement, index)
        case .text(var text?): text.withUTF8 { bind($0, to: statement, at: index) }
        case .utf8(let bytes): bytes.withUnsafeBufferPointer { bind($0, to: statement, at: index) }
        case .blob(let bytes):
            bytes.withUnsafeBytes { sqlite3_bind_blob64(statement, index, $0.baseAddress, UInt64($0.count), copying) }
        }
    }

    private func bind(_ text: UnsafeBufferPointer<UInt8>, to statement: OpaquePointer, at index: Int32) -> Int32 {
        text.withMemoryRebound(to: CChar.self) {
            sqlite3_bind_text64(statement, index, $0.baseAddress, UInt64($0.count), copying, UInt8(SQLITE_UTF8))
        }
    }
}

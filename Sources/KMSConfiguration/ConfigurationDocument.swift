internal import TOMLKit

/// A parsed TOML file whose every key knows its line.
///
/// TOMLKit parses; it keeps positions only for syntax errors, so the lines come from `ConfigurationLines`. The tree is
/// copied out at once, because TOMLKit's tables are views of a C++ object without an owner.
package struct ConfigurationDocument {
    package enum Value {
        case text(String)
        case number(Int)
        case boolean(Bool)
        case texts([String])
        case table(Table)
        case tables([Table])
        /// A type that no key takes: its name.
        case other(String)

        package var name: String {
            switch self {
            case .text: "a string"
            case .number: "an integer"
            case .boolean: "a boolean"
            case .texts: "an array"
            case .table: "a table"
            case .tables: "an array of tables"
            case .other(let name): name
            }
        }
    }

    package struct Entry {
        package var key: String
        package var value: Value
        /// From 1; 0 when unknown.
        package var line: Int
    }

    package struct Table {
        /// In the order of the file.
        package var entries: [Entry]
        /// Of the header, or of the first key.
        package var line: Int

        package subscript(key: String) -> Entry? { entries.first { $0.key == key } }
    }

    package struct SyntaxError: Error {
        /// From 1; 0 when unknown.
        package var line: Int
        /// The parser's reason without anything from the file.
        package var reason: String
    }

    package var root: Table

    package init(_ bytes: [UInt8]) throws(SyntaxError) {
        let lines = ConfigurationLines(bytes)
        // The parser takes a C string: what follows a NUL would vanish without a word.
        if let nul = bytes.firstIndex(of: 0) {
            throw SyntaxError(line: lines.number(at: nul), reason: "a NUL byte; is this a text file?")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SyntaxError(line: 0, reason: "the file is not UTF-8 text")
        }
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw SyntaxError(line: error.source.begin.line, reason: Self.reason(error.description))
        } catch {
            throw SyntaxError(line: 0, reason: "not TOML")
        }
        root = Self.copy(table, path: "", lines: lines)
    }

    /// The parser quotes what it saw, which may be a piece of a key that somebody forgot to put in quotation marks.
    private static func reason(_ description: String) -> String {
        let text = Array(description.utf8)
        return String(decoding: text[..<(text.offset(of: ", saw") ?? text.count)], as: UTF8.self)
    }

    private static func copy(_ table: TOMLTable, path: String, lines: ConfigurationLines) -> Table {
        var entries: [Entry] = []
        for key in table.keys {
            guard let value = table[key] else { continue }
            let inner = path.isEmpty ? key : path + "." + key
            entries.append(
                Entry(key: key, value: copy(value, path: inner, lines: lines), line: lines.line(of: inner)))
        }
        entries.sort { ($0.line, $0.key) < ($1.line, $1.key) }
        return Table(entries: entries, line: lines.line(of: path))
    }

    private static func copy(_ value: some TOMLValueConvertible, path: String, lines: ConfigurationLines) -> Value {
        switch value.type {
        case .string: return value.string.map(Value.text) ?? .other("a string")
        case .int: return value.int.map(Value.number) ?? .other("an integer")
        case .bool: return value.bool.map(Value.boolean) ?? .other("a boolean")
        case .double: return .other("a decimal number")
        case .date, .time, .dateTime: return .other("a date or time")
        case .table: return value.table.map { .table(copy($0, path: path, lines: lines)) } ?? .other("a table")
        case .array:
            guard let array = value.array else { return .other("an array") }
            let texts = array.compactMap { $0.string }
            if texts.count == array.count { return .texts(texts) }
            let tables = array.compactMap { $0.table }
            guard tables.count == array.count else { return .other("an array of other things") }
            return .tables(
                tables.enumerated().map { copy($0.element, path: "\(path)[\($0.offset)]", lines: lines) })
        }
    }
}

/// The line of every key of a TOML text that the parser has accepted.
///
/// Not a parser: it only finds where statements begin, which takes knowing comments, strings (also multi-line ones) and
/// brackets. A text that the parser refuses never gets here with its lines used.
struct ConfigurationLines {
    private let bytes: [UInt8]
    private var lines: [String: Int] = [:]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var scanner = Scanner(bytes: bytes)
        var table = ""
        var counts: [String: Int] = [:]
        while let statement = scanner.next() {
            switch statement.kind {
            case .table: table = statement.path
            case .arrayElement:
                let index = counts[statement.path, default: 0]
                counts[statement.path] = index + 1
                if index == 0 { note(statement.path, statement.line) }
                table = "\(statement.path)[\(index)]"
            case .key:
                note(table.isEmpty ? statement.path : table + "." + statement.path, statement.line)
                continue
            }
            note(table, statement.line)
        }
    }

    /// The line of a key, else of the nearest table around it (a key within an inline table), else 0.
    func line(of path: String) -> Int {
        var path = path
        while !path.isEmpty {
            if let line = lines[path] { return line }
            guard let end = path.lastIndex(where: { $0 == "." || $0 == "[" }) else { return 0 }
            path = String(path[..<end])
        }
        return 0
    }

    /// The line of a byte.
    func number(at index: Int) -> Int { bytes[..<index].reduce(1) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 } }

    private mutating func note(_ path: String, _ line: Int) {
        // A dotted key also tells where the tables on its way begin.
        var path = path
        while lines[path] == nil, !path.isEmpty {
            lines[path] = line
            guard let dot = path.lastIndex(of: ".") else { return }
            path = String(path[..<dot])
        }
    }
}

private struct Statement {
    enum Kind { case table, arrayElement, key }
    var kind: Kind
    /// Dotted, without quotation marks.
    var path: String
    var line: Int
}

private struct Scanner {
    let bytes: [UInt8]
    private var index = 0
    private var line = 1

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// The next header or key; the value of a key is skipped.
    mutating func next() -> Statement? {
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): advance()
            case UInt8(ascii: "#"): skipComment()
            case UInt8(ascii: "["):
                let start = line
                advance()
                let isArray = peek() == UInt8(ascii: "[")
                if isArray { advance() }
                let path = name(until: UInt8(ascii: "]"))
                while peek() == UInt8(ascii: "]") { advance() }
                return Statement(kind: isArray ? .arrayElement : .table, path: path, line: start)
            default:
                let start = line
                let path = name(until: UInt8(ascii: "="))
                advance()
                skipValue()
                return Statement(kind: .key, path: path, line: start)
            }
        }
        return nil
    }

    private func peek(_ offset: Int = 0) -> UInt8? {
        let position = index + offset
        return position < bytes.count ? bytes[position] : nil
    }

    private mutating func advance() {
        guard let byte = peek() else { return }
        if byte == UInt8(ascii: "\n") { line += 1 }
        index += 1
    }

    private mutating func skipComment() {
        while let byte = peek(), byte != UInt8(ascii: "\n") { advance() }
    }

    /// A bare, quoted or dotted key, up to `end` or the end of the line.
    private mutating func name(until end: UInt8) -> String {
        var text: [UInt8] = []
        while let byte = peek(), byte != end, byte != UInt8(ascii: "\n") {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                let start = index + 1
                skipString(byte)
                text.append(contentsOf: bytes[start..<max(start, index - 1)])
            case UInt8(ascii: " "), UInt8(ascii: "\t"): advance()
            default:
                text.append(byte)
                advance()
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Up to the end of the line, or further when a string or a bracket is still open there.
    private mutating func skipValue() {
        var depth = 0
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\n") where depth <= 0: return
            case UInt8(ascii: "#"): skipComment()
            case UInt8(ascii: "\""), UInt8(ascii: "'"): skipString(byte)
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                advance()
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth -= 1
                advance()
            default: advance()
            }
        }
    }

    /// From the opening quotation mark to behind the closing one.
    private mutating func skipString(_ quote: UInt8) {
        let isLong = peek(1) == quote && peek(2) == quote
        for _ in 0..<(isLong ? 3 : 1) { advance() }
        while let byte = peek() {
            if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                advance()
                advance()
            } else if byte == quote, !isLong {
                return advance()
            } else if byte == quote, peek(1) == quote, peek(2) == quote {
                // Up to two quotation marks may stand before the closing three.
                while peek() == quote { advance() }
                return
            } else {
                advance()
            }
        }
    }
}

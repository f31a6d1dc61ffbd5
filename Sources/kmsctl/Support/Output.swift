import FoundationEssentials
import Glibc

/// Results on standard output, everything else on standard error. Keys of the JSON are snake case and stable.
enum Output {
    static func json(_ value: some Encodable) throws {
        print(try encode(value))
    }

    /// A result in the form that the user wants.
    static func show(_ value: some Encodable, asJSON: Bool, text: () -> String) throws {
        if asJSON {
            try json(value)
        } else {
            print(text())
        }
    }

    static func note(_ message: String) { write("kmsctl: \(printable(message))\n") }

    static func report(_ failure: CommandFailure, asJSON: Bool) {
        struct Report: Encodable {
            struct Body: Encodable {
                var code: String
                var exit_code: Int32
                var message: String
                var remedy: String?
            }
            var error: Body
        }
        if asJSON {
            let body = Report.Body(
                code: failure.code.name, exit_code: failure.code.rawValue, message: failure.message,
                remedy: failure.remedy)
            if let text = try? encode(Report(error: body)) { return write(text + "\n") }
        }
        note(failure.message)
        if let remedy = failure.remedy { write("        \(printable(remedy))\n") }
    }

    /// Wrong usage under --json; the text is ArgumentParser's.
    static func report(usage message: String) {
        struct Report: Encodable {
            struct Body: Encodable {
                var code = "usage"
                var exit_code = 64
                var message: String
            }
            var error: Body
        }
        write(((try? encode(Report(error: .init(message: message)))) ?? message) + "\n")
    }

    /// What a server says must not move the cursor or change the colour of a terminal.
    static func printable(_ text: String) -> String {
        let isControl = { (scalar: Unicode.Scalar) in
            scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || (0x202A...0x202E).contains(scalar.value)
                || (0x2066...0x2069).contains(scalar.value)
        }
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? " " : $0 }))
    }

    /// To standard error, after what went to standard output before.
    static func write(_ text: String) {
        fflush(nil)
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    private static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

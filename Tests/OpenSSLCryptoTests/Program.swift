import Foundation

/// The `openssl` program, in a directory of its own.
struct Program: ~Copyable {
    struct Failure: Error, CustomStringConvertible { var description: String }

    private let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: directory.appendingPathComponent(name))
    }

    func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: directory.appendingPathComponent(name)))
    }

    /// - Returns: what it wrote to standard output; small, so that no pipe fills up.
    @discardableResult
    func callAsFunction(_ arguments: String...) throws -> [UInt8] { try self(arguments) }

    @discardableResult
    func callAsFunction(_ arguments: [String]) throws -> [UInt8] {
        let process = Process()
        let output = Pipe()
        let errors = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        process.currentDirectoryURL = directory
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            throw Failure(description: "openssl \(arguments.joined(separator: " ")): \(text)")
        }
        return Array(output.fileHandleForReading.readDataToEndOfFile())
    }
}

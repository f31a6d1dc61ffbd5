import Foundation
import Glibc

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

    private func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

    /// - Returns: what it wrote to standard output.
    @discardableResult
    func callAsFunction(_ arguments: String...) throws -> [UInt8] { try self(arguments) }

    @discardableResult
    func callAsFunction(_ arguments: [String]) throws -> [UInt8] {
        let call = UUID().uuidString
        let status = try run(
            ["env", "--chdir", directory.path, "openssl"] + arguments, output: path("\(call).out"),
            errors: path("\(call).err"))
        guard status == 0 else {
            let text = String(decoding: try read("\(call).err"), as: UTF8.self)
            throw Failure(description: "openssl \(arguments.joined(separator: " ")): \(text)")
        }
        return try read("\(call).out")
    }

    /// Not with Foundation's `Process`: it reads /proc/self/fd and copies 256 bytes for each name, however short. With
    /// more than a thousand open files (all tests run at once) that goes beyond readdir's buffer, and sometimes beyond
    /// the heap. Seen with Swift 6.3.1.
    ///
    /// - Returns: what waitpid says of it.
    private func run(_ arguments: [String], output: String, errors: String) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT, 0o600)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_WRONLY | O_CREAT, 0o600)
        var list = arguments.map { strdup($0) }
        defer { list.forEach { free($0) } }
        list.append(nil)
        var child: pid_t = 0
        let failure = posix_spawn(&child, "/usr/bin/env", &actions, nil, list, environ)
        guard failure == 0 else { throw Failure(description: String(cString: strerror(failure))) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) == -1 {
            guard errno == EINTR else { throw Failure(description: "waitpid: \(String(cString: strerror(errno)))") }
        }
        return status
    }
}

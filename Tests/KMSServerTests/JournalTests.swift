import Foundation
import GRDB
import KMSModel
import KMSServer
import Logging
import Testing

@Suite("Audit log's journal")
struct JournalTests {
    @Test("what was noted is in the log after a crash, in its order and once")
    func crash() async throws {
        try await TestKMS.run { kms in
            try await kms.note(1...3)
            try await kms.vault.audit.settle()
            try await kms.note(4...9)
            #expect(try await kms.numbers(afterCrash: { _ in }) == Array(1...9))
        }
    }

    @Test("records that are noted together are one line of the journal, and each is in the log after a crash")
    func together() async throws {
        try await TestKMS.run { kms in
            try await kms.note(1...1)
            let tabs = AuditEvent(system: "a \t tab and a \n line")
            try kms.vault.audit.note([AuditEvent(system: "number 2"), tabs, AuditEvent(system: "number 3")])
            try await kms.note(4...4)
            let journal = try Data(contentsOf: URL(fileURLWithPath: kms.directory.path + "/audit.journal-0"))
            #expect(journal.count { $0 == UInt8(ascii: "\n") } == 3)
            #expect(try await kms.numbers(afterCrash: { _ in }) == Array(1...4))
        }
    }

    @Test("a crash between the commit and the emptying of the journal makes no record twice")
    func settled() async throws {
        try await TestKMS.run { kms in
            try await kms.note(1...3)
            try await kms.vault.audit.settle()
            #expect(try await kms.numbers(afterCrash: { _ in }) == Array(1...3))
        }
    }

    @Test("a change comes after what was noted before it")
    func order() async throws {
        try await TestKMS.run { kms in
            try await kms.note(1...2)
            try await kms.vault.change { _ in ((), AuditEvent(system: "number 3")) }
            try await kms.note(4...4)
            try await kms.vault.audit.settle()
            let numbers = try await kms.vault.pool.read { db in try JournalTests.numbers(db) }
            #expect(numbers == [1, 2, 3, 4])
        }
    }

    @Test("a change that fails takes nothing with it that was noted")
    func rollback() async throws {
        struct Refused: Error {}
        try await TestKMS.run { kms in
            try await kms.note(1...2)
            await #expect(throws: Refused.self) {
                _ = try await kms.vault.change { _ -> (Int, AuditEvent) in throw Refused() }
            }
            try await kms.note(3...3)
            try await kms.vault.audit.settle()
            let (numbers, found) = try await kms.vault.pool.read { db in
                (try JournalTests.numbers(db), try findings(in: db, kms))
            }
            #expect(numbers == [1, 2, 3])
            #expect(found == [])
        }
    }

    enum Damage: CaseIterable {
        /// In the middle of a line, which was never answered.
        case endCutOff
        /// What a power cut leaves of a page.
        case zeros
        case recordChanged, positionChanged, linesRepeated, lineForged

        var left: [Int] {
            switch self {
            case .endCutOff: [1, 2]
            case .recordChanged, .positionChanged: [1, 3]
            case .zeros, .linesRepeated, .lineForged: [1, 2, 3]
            }
        }

        var isNoticed: Bool { self != .endCutOff && self != .linesRepeated }

        fileprivate func done(to bytes: [UInt8]) -> [UInt8] {
            switch self {
            case .endCutOff: Array(bytes.dropLast(20))
            case .zeros: bytes + [UInt8](repeating: 0, count: 100) + [10]
            case .recordChanged: replaced(bytes, "number 2", "number 7")
            case .positionChanged: replaced(bytes, "\n2 ", "\n8 ")
            case .linesRepeated: bytes + bytes
            case .lineForged: bytes + Array("4 1700000000 00 {}\n".utf8)
            }
        }
    }

    @Test("of a journal that was changed, what is left is taken, and the loss is recorded", arguments: Damage.allCases)
    func damage(_ damage: Damage) async throws {
        try await TestKMS.run { kms in
            try await kms.note(1...3)
            let verified = Verified()
            let numbers = try await kms.numbers { copy in
                let file = copy.path + "/audit.journal-0"
                let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
                try Data(damage.done(to: bytes)).write(to: URL(fileURLWithPath: file))
                verified.result = try Verification.run(copy, masterKey: .init()) { verified.findings.append($0) }
            }
            #expect(numbers == damage.left)
            #expect(verified.findings.count == (damage.isNoticed ? 1 : 0), "\(verified.findings)")
            #expect(verified.findings.allSatisfy { $0.hasPrefix("audit journal: 1 line is not kmsd's") })
            #expect(verified.result?.auditRecords == damage.left.count + 1)
        }
    }

    private final class Verified: @unchecked Sendable {
        // @unchecked: written before it is read, by the one test.
        var findings: [String] = []
        var result: Verification.Result?
    }

    fileprivate static func numbers(_ db: Database) throws -> [Int] {
        try String.fetchAll(db, sql: "SELECT json_extract(record, '$.message') FROM audit ORDER BY sequence")
            .compactMap { $0.hasPrefix("number ") ? Int($0.dropFirst(7)) : nil }
    }
}

private func replaced(_ bytes: [UInt8], _ old: String, _ new: String) -> [UInt8] {
    Array(String(decoding: bytes, as: UTF8.self).replacingOccurrences(of: old, with: new).utf8)
}

extension TestKMS {
    fileprivate func note(_ numbers: ClosedRange<Int>) async throws {
        for number in numbers { try vault.audit.note([AuditEvent(system: "number \(number)")]) }
    }

    /// The numbers in the log of a copy of the directory as a crash at this moment leaves it.
    fileprivate func numbers(afterCrash change: (DataDirectory) throws -> Void) async throws -> [Int] {
        let copy = DataDirectory(directory.path + "-crashed")
        defer { try? FileManager.default.removeItem(atPath: copy.path) }
        try FileManager.default.copyItem(atPath: directory.path, toPath: copy.path)
        try change(copy)
        let vault = try await Vault.open(copy, logger: Logger(label: "test"))
        defer { try? vault.pool.close() }
        #expect(await vault.audit.settleAndEmpty())
        #expect(try Verification.run(copy, masterKey: .init()) { _ in }.findings == 0)
        return try await vault.pool.read { db in try JournalTests.numbers(db) }
    }
}

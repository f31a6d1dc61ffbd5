import Foundation
import KMSSupport
import Testing

/// Log files and counters, in a folder of each test's own.
@Suite struct LogTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "kms-pkcs11-log-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func lines(_ name: String) -> [String] {
        let text = (try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    @Test func aMovedOrRemovedFileIsOpenedAnew() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = LogFile(LogSettings.File(path: folder + "/log"))
        #expect(file.problem() == nil)
        #expect(file.write(.error, Array("one".utf8)))
        try FileManager.default.moveItem(atPath: folder + "/log", toPath: folder + "/log.1")
        #expect(file.write(.warning, Array("two".utf8)))
        try FileManager.default.removeItem(atPath: folder + "/log")
        #expect(file.write(.info, Array("three".utf8)))
        #expect(lines("log.1").count == 1 && lines("log.1")[0].hasSuffix("] error: one"))
        #expect(lines("log").count == 1 && lines("log")[0].hasSuffix("] info: three"))
        #expect(lines("log")[0].contains("Z kms-pkcs11[\(ProcessInfo.processInfo.processIdentifier)] "))
    }

    @Test func aFullFileIsRotatedAndOldOnesEnd() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var settings = LogSettings.File(path: folder + "/log")
        settings.rotationBytes = 1
        settings.keptFiles = 2
        let first = LogFile(settings)
        // Another process of the host: it must follow.
        let second = LogFile(settings)
        for number in 1...5 { #expect((number % 2 == 0 ? second : first).write(.error, Array("\(number)".utf8))) }
        #expect(lines("log").isEmpty && lines("log.1").last?.hasSuffix(" 5") == true)
        #expect(lines("log.2").last?.hasSuffix(" 4") == true && lines("log.3").isEmpty)
    }

    @Test func aFileThatCannotBeOpenedIsAProblem() {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = LogFile(LogSettings.File(path: folder + "/none/log"))
        #expect(file.problem() == "No such file or directory")
        #expect(!file.write(.error, []))
    }

    @Test func countersAreWrittenWhenDue() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let counters = Counters()
        let dump = CountersDump(
            directory: folder, seconds: 60, slots: [.init(number: 1, label: "a \"b\" \\", counters: counters)])
        let name = "kms-pkcs11-\(ProcessInfo.processInfo.processIdentifier).prom"
        counters.count(.retries, 3)
        counters.record(since: 0, now: 1_500_000)
        dump.writeIfDue(now: 100)
        let labels = "slot=\"1\",label=\"a \\\"b\\\" \\\\\",pid=\"\(ProcessInfo.processInfo.processIdentifier)\""
        #expect(lines(name).contains("kms_pkcs11_retries_total{\(labels)} 3"))
        #expect(lines(name).contains("kms_pkcs11_request_seconds_bucket{\(labels),le=\"0.0025\"} 1"))
        #expect(lines(name).contains("kms_pkcs11_request_seconds_bucket{\(labels),le=\"0.001\"} 0"))
        #expect(lines(name).contains("kms_pkcs11_request_seconds_sum{\(labels)} 0.0015"))
        counters.count(.retries)
        dump.writeIfDue(now: 59_000_000_000)
        #expect(lines(name).contains("kms_pkcs11_retries_total{\(labels)} 3"))
        dump.writeIfDue(now: 61_000_000_000)
        #expect(lines(name).contains("kms_pkcs11_retries_total{\(labels)} 4"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [name])
    }

    @Test func onlyOldFilesOfEndedProcessesAreRemoved() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // Beyond the largest process id.
        let old = "kms-pkcs11-2000000001.prom"
        for name in [old, "kms-pkcs11-2000000002.prom", "kms-pkcs11-1.prom", "other-2000000001.prom"] {
            try Data().write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
            let date = Date(timeIntervalSinceNow: name.contains("2.prom") ? -60 : -7_200)
            try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: "\(folder)/\(name)")
        }
        CountersDump(directory: folder, seconds: 1, slots: []).writeIfDue()
        let left = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(!left.contains(old) && left.count == 4)
    }
}

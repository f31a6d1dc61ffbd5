import Cryptoki
import Glibc
import KMSConfiguration
import KMSSupport

// What the processes that use the module have counted.

extension Diagnosis {
    mutating func counters(_ folder: String) {
        let _: Void? = run(.counters, subject: folder) { () throws(Failure) in
            let reports: [CountersReport]
            do throws(ConfigurationFile.Failure) {
                reports = try CountersReport.all(in: folder)
            } catch {
                throw Failure(
                    code: .input, detail: "\(folder): \(error.reason)",
                    remedy: "Make the folder, and let the user of the program that uses the module write there.")
            }
            guard !reports.isEmpty else { return ((), "no process has written its counters into \(folder) yet") }
            return ((), CountersReport.summary(reports))
        }
    }
}

/// The counters of one process, all slots together, as `CountersDump` wrote them.
struct CountersReport {
    var process: Int32
    /// By the name of `Counters.Event`.
    var events: [String: UInt64] = [:]
    /// Requests at most as long as a bucket's bound, by the bound in seconds; `+Inf` for all.
    var buckets: [String: UInt64] = [:]

    var isAlive: Bool { kill(process, 0) == 0 || errno == EPERM }

    static func all(in folder: String) throws(ConfigurationFile.Failure) -> [CountersReport] {
        try ConfigurationFile.names(inFolder: folder).compactMap { name in
            guard let process = CountersDump.process(name),
                let file = try? ConfigurationFile(path: folder + "/" + name)
            else { return nil }
            return CountersReport(process, String(decoding: file.bytes, as: UTF8.self))
        }.sorted { $0.process < $1.process }
    }

    private init(_ process: Int32, _ text: String) {
        self.process = process
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let brace = line.firstIndex(of: "{"), let space = line.lastIndex(of: " "),
                let value = UInt64(line[line.index(after: space)...])
            else { continue }
            let name = line[..<brace]
            if name.hasSuffix("_total") {
                events[String(name.dropFirst(11).dropLast(6)), default: 0] &+= value
            } else if name.hasSuffix("_bucket"), let bound = line.split(separator: "\"").dropLast().last {
                buckets[String(bound), default: 0] &+= value
            }
        }
    }

    static func summary(_ reports: [CountersReport]) -> String {
        let names = Counters.Event.allCases.map(\.name)
        var parts = ["\(reports.filter(\.isAlive).count) processes alive, \(reports.count) with counters"]
        for name in names {
            let sum = reports.reduce(0) { $0 &+ ($1.events[name] ?? 0) }
            if sum > 0 || name == "requests" { parts.append("\(name) \(sum)") }
        }
        if let median = bound(0.5, reports), let most = bound(0.99, reports) {
            parts.append("half of the requests within \(median), 99 % within \(most)")
        }
        return parts.joined(separator: ", ")
    }

    /// The upper end of the bucket in which a share of all requests is.
    private static func bound(_ share: Double, _ reports: [CountersReport]) -> String? {
        let total = reports.reduce(0) { $0 &+ ($1.buckets["+Inf"] ?? 0) }
        guard total > 0 else { return nil }
        for bound in Counters.bounds {
            let text = CountersDump.seconds(bound * 1_000)
            let count = reports.reduce(0) { $0 &+ ($1.buckets[text] ?? 0) }
            if Double(count) >= share * Double(total) { return "\(text) s" }
        }
        return "more than 10 s"
    }
}

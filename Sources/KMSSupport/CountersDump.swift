#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// The counters of all slots as a file of the process's own in a common directory, for `kmsctl doctor` and for
/// Prometheus's node_exporter, whose text format it has.
///
/// The thread that has just done a call writes it, at most every so many seconds; C_Finalize does, too. No thread and no
/// signal is needed. Files of processes that ended more than an hour ago are removed when a process writes its first.
package final class CountersDump: Sendable {
    package struct Slot: Sendable {
        package var number: Int
        package var label: String
        package var counters: Counters

        package init(number: Int, label: String, counters: Counters) {
            self.number = number
            self.label = label
            self.counters = counters
        }
    }

    private struct State {
        var generation: UInt64 = .max
        var due: UInt64 = 0
    }

    private let directory: String
    private let interval: UInt64
    private let slots: [Slot]
    private let state = Locked(State())

    package init(directory: String, seconds: Int, slots: [Slot]) {
        self.directory = directory
        self.slots = slots
        interval = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000).partialValue
    }

    package static var prefix: String { "kms-pkcs11-" }
    package static var suffix: String { ".prom" }

    /// Writes when the last time is long enough ago.
    package func writeIfDue(now: UInt64 = Deadline.now) {
        let isFirst = state.withLock { state -> Bool? in
            let generation = Gate.generation
            let isFirst = state.generation != generation
            guard isFirst || now >= state.due else { return nil }
            state = State(generation: generation, due: now &+ interval)
            return isFirst
        }
        guard let isFirst else { return }
        write(isFirst: isFirst)
    }

    /// Writes in any case.
    package func write() { write(isFirst: false) }

    private func write(isFirst: Bool) {
        let path = "\(directory)/\(CountersDump.prefix)\(getpid())\(CountersDump.suffix)"
        // Beside the file, so that a reader sees the whole old or the whole new one.
        let draft = path + ".new"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { return complain(isFirst) }
        let isWritten = Array(text().utf8).withUnsafeBytes { systemWrite(descriptor, $0) == $0.count }
        close(descriptor)
        guard isWritten, rename(draft, path) == 0 else {
            complain(isFirst)
            unlink(draft)
            return
        }
        if isFirst { removeOld() }
    }

    /// Once per process: a directory that is not there must not fill the log.
    private func complain(_ isFirst: Bool) {
        guard isFirst else { return }
        let reason = strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
        Log.warning(
            "cannot write the counters into \(directory): \(reason); let the user of this process write there, or leave"
                + " counters_dir out")
    }

    /// Names are ours, so nothing else in the directory is touched.
    private func removeOld() {
        guard let folder = opendir(directory) else { return }
        defer { closedir(folder) }
        let now = time(nil)
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let process = CountersDump.process(name), kill(process, 0) != 0, errno == ESRCH else { continue }
            let path = "\(directory)/\(name)"
            var status = stat()
            guard stat(path, &status) == 0, now - status.st_mtim.tv_sec > 3_600 else { continue }
            unlink(path)
        }
    }

    /// The process that wrote a file of this name; nil: it is none of ours.
    package static func process(_ name: String) -> Int32? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
        return Int32(name.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count)).flatMap { $0 > 0 ? $0 : nil }
    }

    // MARK: - Text

    private func text() -> String {
        let taken = slots.map { ($0, $0.counters.snapshot) }
        var lines: [String] = []
        for event in Counters.Event.allCases {
            lines.append("# TYPE kms_pkcs11_\(event.name)_total counter")
            for (slot, numbers) in taken {
                lines.append("kms_pkcs11_\(event.name)_total\(labels(slot)) \(numbers[event])")
            }
        }
        lines.append("# TYPE kms_pkcs11_request_seconds histogram")
        for (slot, numbers) in taken { lines += histogram(slot, numbers) }
        return lines.joined(separator: "\n") + "\n"
    }

    private func histogram(_ slot: Slot, _ numbers: Counters.Snapshot) -> [String] {
        let name = "kms_pkcs11_request_seconds"
        var total: UInt64 = 0
        var lines: [String] = []
        for (index, count) in numbers.buckets.enumerated() {
            total &+= count
            let bound = index < Counters.bounds.count ? CountersDump.seconds(Counters.bounds[index] * 1_000) : "+Inf"
            lines.append("\(name)_bucket\(labels(slot, ",le=\"\(bound)\"")) \(total)")
        }
        lines.append("\(name)_sum\(labels(slot)) \(CountersDump.seconds(numbers.nanoseconds))")
        lines.append("\(name)_count\(labels(slot)) \(total)")
        return lines
    }

    private func labels(_ slot: Slot, _ more: String = "") -> String {
        let label = slot.label.map { $0 == "\\" || $0 == "\"" ? "\\\($0)" : String($0) }.joined()
        return "{slot=\"\(slot.number)\",label=\"\(label)\",pid=\"\(getpid())\"\(more)}"
    }

    /// With what decimals are needed.
    package static func seconds(_ nanoseconds: UInt64) -> String {
        let fraction = String(nanoseconds % 1_000_000_000)
        var digits = String(repeating: "0", count: 9 - fraction.utf8.count) + fraction
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(nanoseconds / 1_000_000_000)" + (digits.isEmpty ? "" : "." + digits)
    }
}

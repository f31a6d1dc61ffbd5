internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// What the kernel says about this process, under the names that Prometheus' own clients use.
struct ProcessFigures {
    let cpuSeconds: Double
    let residentBytes: Int
    let virtualBytes: Int
    let threads: Int
    let openFiles: Int
    let maximumFiles: UInt64
    /// Seconds since the epoch.
    let started: Double

    /// nil when /proc is not there.
    init?() {
        // Behind the program's name, which is in brackets and may hold anything, 20 numbers: proc(5).
        guard let text = ProcessFigures.text(of: "/proc/self/stat"), let end = text.lastIndex(of: ")") else {
            return nil
        }
        let fields = text[text.index(after: end)...].split(separator: " ").map { Double($0) ?? 0 }
        guard fields.count > 21 else { return nil }
        let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        cpuSeconds = (fields[11] + fields[12]) / ticks
        threads = Int(fields[17])
        virtualBytes = Int(fields[20])
        residentBytes = Int(fields[21]) * Int(max(1, sysconf(Int32(_SC_PAGESIZE))))
        started = ProcessFigures.bootTime + fields[19] / ticks
        openFiles = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).count
        var limit = rlimit()
        maximumFiles = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? UInt64(limit.rlim_cur) : 0
    }

    private static var bootTime: Double {
        var uptime = timespec()
        clock_gettime(CLOCK_BOOTTIME, &uptime)
        return Date.now.timeIntervalSince1970 - Double(uptime.tv_sec)
    }

    /// Not `Data(contentsOf:)`, which trusts the size, and that is 0 here.
    private static func text(of path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}

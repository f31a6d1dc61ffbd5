internal import KMSModel
internal import KMSSupport

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// The Date header, RFC 9110 section 5.6.7, made once a second.
enum DateHeader {
    private static let latest = Locked((time: time_t(0), text: ""))

    static var now: String {
        let now = time(nil)
        return latest.withLock { latest in
            if latest.time != now { latest = (now, text(now)) }
            return latest.text
        }
    }

    /// In the C locale, which no part of this program leaves.
    private static func text(_ time: time_t) -> String {
        var time = time
        var parts = tm()
        gmtime_r(&time, &parts)
        return String(unsafeUninitializedCapacity: 64) { buffer in
            buffer.withMemoryRebound(to: CChar.self) {
                strftime($0.baseAddress, $0.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
            }
        }
    }
}

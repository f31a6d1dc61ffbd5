import ArgumentParser
import FoundationEssentials
import KMSModel

/// A point of time on the command line: a date or time in UTC, or how long ago it was.
struct TimeOption: ExpressibleByArgument {
    /// Since 1970-01-01T00:00:00Z.
    let seconds: Int64

    init?(argument: String) {
        self.init(argument, now: Timestamp.now.seconds)
    }

    init?(_ text: String, now: Int64) {
        if let ago = Self.duration(text) {
            seconds = now - ago
            return
        }
        // RFC 3339 without its punctuation is the form of the API; a date alone is its midnight.
        let plain = text.filter { $0 != "-" && $0 != ":" }.uppercased()
        guard let time = Timestamp(plain.utf8.count == 8 ? plain + "T000000Z" : plain) else { return nil }
        seconds = time.seconds
    }

    /// `90s`, `15m`, `2h` or `7d` in seconds.
    private static func duration(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let count = UInt32(text.dropLast()) else { return nil }
        return Int64(count) * unit
    }
}

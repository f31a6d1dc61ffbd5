#if canImport(Glibc)
    public import Glibc
#else
    public import Musl
#endif

/// A point on the monotonic clock by which a call must have answered, whatever it waits for.
public struct Deadline: Sendable {
    private let nanoseconds: UInt64

    /// - Parameter milliseconds: from now; negative counts as 0.
    package init(milliseconds: Int) {
        self.init(milliseconds: milliseconds, since: Deadline.now)
    }

    /// - Parameters:
    ///   - milliseconds: from `began`; negative counts as 0.
    ///   - began: on the clock of `Deadline.now`.
    package init(milliseconds: Int, since began: UInt64) {
        let (delta, overflow) = UInt64(max(0, milliseconds)).multipliedReportingOverflow(by: 1_000_000)
        nanoseconds = overflow ? .max : began.addingReportingOverflow(delta).partialValue
    }

    private init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// This deadline, or the one in so many milliseconds if that is earlier.
    package func limited(toMilliseconds milliseconds: Int, since now: UInt64 = Deadline.now) -> Deadline {
        Deadline(nanoseconds: min(nanoseconds, Deadline(milliseconds: milliseconds, since: now).nanoseconds))
    }

    /// Milliseconds left, rounded up; 0 when the time is over.
    package var remaining: Int { remaining(at: Deadline.now) }

    /// As `remaining`, for who knows what time it is.
    package func remaining(at now: UInt64) -> Int {
        guard nanoseconds > now else { return 0 }
        return Int(clamping: (nanoseconds - now) / 1_000_000 + 1)
    }

    package var isOver: Bool { remaining == 0 }

    /// Nanoseconds of the monotonic clock.
    @inlinable public static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec)
    }
}

public import CForkSupport

/// When the C_ function began that the thread is in: whatever a call needs of the KMS shares one deadline.
public enum CallClock {
    /// Runs the body of a C_ function. A host's OpenSSL may call another one from inside a request; that has a time of
    /// its own.
    @inlinable public static func run<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        let outer = call_clock_exchange(Deadline.now)
        defer { _ = call_clock_exchange(outer) }
        return try body()
    }

    /// On the clock of `Deadline.now`; now, outside of any call.
    package static var began: UInt64 {
        let began = call_clock_began()
        return began == 0 ? Deadline.now : began
    }
}

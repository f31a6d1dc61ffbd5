public import CForkSupport

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// The fork gate: who runs inside the library holds it, who waits steps out (`fork_support.h` says why).
///
/// Public for the same reason as `Locked`.
public enum Gate {
    /// Registers the fork handlers; false when the system refuses.
    package static func install() -> Bool { fork_support_install() == 0 }

    /// The number of forks between the process that loaded the library and this one.
    @inlinable public static var generation: UInt64 { fork_support_generation() }

    /// Runs `body` inside the gate. Every entry point does.
    @inlinable public static func inside<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        fork_gate_enter()
        defer { fork_gate_leave() }
        return try body()
    }

    /// Runs `body`, which only waits and touches no shared state, outside the gate.
    @inlinable public static func outside<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        let depth = fork_gate_suspend()
        defer { fork_gate_resume(depth) }
        return try body()
    }

    /// Waits outside the gate.
    package static func pause(milliseconds: Int) {
        outside { _ = poll(nil, 0, Int32(clamping: milliseconds)) }
    }
}

import Glibc
import KMSSupport

/// Says what takes so long, from the first second on: a counting line on a terminal, one line elsewhere.
enum Progress {
    private enum State { case waiting, shown, over }

    static func during<Result, Failure: Error>(
        _ what: String, isShown: Bool, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let isTerminal = isatty(STDERR_FILENO) == 1
        guard isShown || isTerminal else { return try body() }
        let state = Locked(State.waiting)
        let start = Deadline.now
        Task.detached {
            while true {
                try? await Task.sleep(for: .seconds(1))
                let seconds = (Deadline.now - start) / 1_000_000_000
                let goesOn = state.withLock { state in
                    guard state != .over else { return false }
                    state = .shown
                    Output.write(isTerminal ? "\r\(what) … \(seconds) s" : "kmsctl: \(what) takes a while\n")
                    return isTerminal
                }
                if !goesOn { return }
            }
        }
        defer {
            state.withLock { state in
                if state == .shown, isTerminal { Output.write("\r\u{1B}[K") }
                state = .over
            }
        }
        return try body()
    }
}

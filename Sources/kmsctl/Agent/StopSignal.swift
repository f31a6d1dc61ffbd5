import Glibc
import KMSSupport

/// SIGTERM and SIGINT end an agent between two steps; SIGHUP makes --watch look at once.
///
/// A thread of its own takes the signals. What hangs in the network ends a few seconds later by force: nothing is half
/// done there, and NGINX keeps what it has.
final class StopSignal: @unchecked Sendable {
    // @unchecked: the descriptors never change, the rest is locked.
    enum Wake { case time, stop, look }

    /// Milliseconds between a signal and the end by force.
    private static let patience = 2_000

    private let isStopping = Locked(false)
    private let reader: CInt
    private let writer: CInt
    private let exitCode: CInt

    /// - Parameter exitCode: of an end by force.
    init(exitCode: CInt) {
        var ends: [CInt] = [-1, -1]
        pipe(&ends)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        reader = ends[0]
        writer = ends[1]
        self.exitCode = exitCode
        var signals = Self.signals
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<StopSignal>.fromOpaque(context).takeUnretainedValue().listen() }
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
    }

    var isRequested: Bool { isStopping.withLock { $0 } }

    /// Waits so many seconds, or until a signal.
    func wait(seconds: Int) -> Wake {
        let deadline = Deadline(milliseconds: seconds.multipliedReportingOverflow(by: 1_000).partialValue)
        while !isRequested {
            var descriptor = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
            let count = poll(&descriptor, 1, CInt(clamping: deadline.remaining))
            if count > 0 {
                var byte: UInt8 = 0
                _ = read(reader, &byte, 1)
                return isRequested ? .stop : .look
            }
            if deadline.isOver { return .time }
        }
        return .stop
    }

    private static var signals: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, signal) }
        return set
    }

    private func listen() {
        var signals = Self.signals
        while true {
            var signal: CInt = 0
            guard sigwait(&signals, &signal) == 0 else { continue }
            let isEnd = signal != SIGHUP
            if isEnd { isStopping.withLock { $0 = true } }
            var byte: UInt8 = 0
            _ = write(writer, &byte, 1)
            guard isEnd else { continue }
            Gate.pause(milliseconds: Self.patience)
            _exit(exitCode)
        }
    }
}

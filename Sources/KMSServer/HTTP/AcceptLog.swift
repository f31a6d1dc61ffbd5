internal import KMSSupport
internal import Logging
internal import NIOCore

/// On the listening socket: says why connections cannot be accepted. NIO itself tries again after a second, silently.
/// Once a minute is enough: it goes on until connections end.
final class AcceptLog: ChannelInboundHandler, Sendable {
    typealias InboundIn = Channel

    private let logger: Logger
    private let last = Locked<NIODeadline?>(nil)

    init(logger: Logger) { self.logger = logger }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let isDue = last.withLock { last in
            let now = NIODeadline.now()
            if let last, now - last < .minutes(1) { return false }
            last = now
            return true
        }
        if isDue {
            logger.warning(
                "cannot accept connections; is the limit of open files (LimitNOFILE, ulimit -n) reached?",
                metadata: ["reason": "\(error)"])
        }
        context.fireErrorCaught(error)
    }
}

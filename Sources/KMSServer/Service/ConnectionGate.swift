internal import KMSSupport
internal import Logging
internal import NIOCore

/// On the listening socket: lets connections in as far as there is place, and says why none can be accepted. NIO itself
/// tries again after a second, silently. Once a minute is enough: it goes on until connections end.
final class ConnectionGate: ChannelInboundHandler, Sendable {
    typealias InboundIn = Channel

    private let connections: Connections
    private let logger: Logger
    private let last = Locked<NIODeadline?>(nil)

    init(connections: Connections, logger: Logger) {
        self.connections = connections
        self.logger = logger
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let channel = unwrapInboundIn(data)
        if connections.admit(channel) {
            context.fireChannelRead(data)
        } else {
            channel.close(promise: nil)
            if isDue {
                logger.warning(
                    "refusing connections: as many as limits.connections and its like allow are open and busy")
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isDue {
            logger.warning(
                "cannot accept connections; is the limit of open files (LimitNOFILE, ulimit -n) reached?",
                metadata: ["reason": "\(error)"])
        }
        context.fireErrorCaught(error)
    }

    private var isDue: Bool {
        last.withLock { last in
            let now = NIODeadline.now()
            if let last, now - last < .minutes(1) { return false }
            last = now
            return true
        }
    }
}

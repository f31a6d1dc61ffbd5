internal import NIOCore

/// Ends connections whose client does not take its answer: not enough of it for the next part to leave in time.
///
/// Not `Sendable`: it lives on its connection's event loop.
final class AnswerTimer: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let limit: TimeAmount
    private var timeout: Scheduled<Void>?

    init(limit: TimeAmount) { self.limit = limit }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        timeout?.cancel()
        if !context.channel.isWritable {
            let channel = context.channel
            timeout = context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
        }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { timeout?.cancel() }
}

@available(*, unavailable)
extension AnswerTimer: Sendable {}

internal import HTTPTypes
internal import Hummingbird
package import NIOCore
internal import NIOHTTPTypes

/// How long a client may take, from the beginning of each.
package struct ConnectionLimits: Sendable {
    /// The TLS handshake and the head of the first request.
    package var firstRequest = TimeAmount.seconds(30)
    package var body = TimeAmount.seconds(60)
    /// To take some of an answer that waits.
    package var answer = TimeAmount.seconds(60)
    /// From an answer to the head of the next request.
    package var idle = TimeAmount.seconds(300)

    package init() {}
}

/// Ends connections whose client takes too long: for the TLS handshake and the first request, for a request's body,
/// between two requests. It counts from the beginning of each, so that a byte now and then does not help.
///
/// Not `Sendable`: it lives on its connection's event loop.
final class RequestTimer: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: ConnectionLimits
    private var timeout: Scheduled<Void>?
    /// Requests whose answers are not complete.
    private var open = 0
    private var isReading = false

    init(limits: ConnectionLimits) { self.limits = limits }

    func handlerAdded(context: ChannelHandlerContext) { arm(limits.firstRequest, context) }

    func handlerRemoved(context: ChannelHandlerContext) { timeout?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            open += 1
            isReading = true
            arm(limits.body, context)
        case .body:
            break
        case .end:
            isReading = false
            settle(context)
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            open -= 1
            if !isReading { settle(context) }
        }
        context.write(data, promise: promise)
    }

    /// All of the request is here: while it is answered there is no limit, afterwards that of idle connections.
    private func settle(_ context: ChannelHandlerContext) {
        timeout?.cancel()
        if open <= 0 { arm(limits.idle, context) }
    }

    private func arm(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        timeout?.cancel()
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }
}

@available(*, unavailable)
extension RequestTimer: Sendable {}

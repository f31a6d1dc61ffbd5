internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NIOHTTPTypes

/// Ends connections whose client takes too long: for the TLS handshake and the first request, for a request's body,
/// between two requests (`Limits` has the times). It counts from the beginning of each, so that a byte now and then does not help.
///
/// Not `Sendable`: it lives on its connection's event loop.
final class RequestTimer: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: Limits
    private let connections: Connections
    /// nil where connections are not counted.
    private var connection: Connections.Connection?
    private var timeout: Scheduled<Void>?
    /// Requests whose answers are not complete.
    private var open = 0
    private var isReading = false

    init(limits: Limits, connections: Connections) {
        self.limits = limits
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        connection = connections.connection(of: context.channel)
        arm(limits.headSeconds, context)
    }

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
            connection?.becomeBusy()
            arm(limits.bodySeconds, context)
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
        guard open <= 0 else { return }
        connection?.becomeIdle()
        arm(limits.idleSeconds, context)
    }

    private func arm(_ seconds: Int, _ context: ChannelHandlerContext) {
        timeout?.cancel()
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) { channel.close(promise: nil) }
    }
}

@available(*, unavailable)
extension RequestTimer: Sendable {}

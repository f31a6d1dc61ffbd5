internal import NIOCore
internal import NIOHTTP1

/// Ends connections whose client takes too long: for the TLS handshake and the first request, for a request's body,
/// between two requests (`Limits` has the times). It counts from the beginning of each, so that a byte now and then does
/// not help.
///
/// Not `Sendable`: it lives on its connection's event loop.
final class RequestTimer: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let limits: Limits
    private let connections: Connections
    /// nil where connections are not counted.
    private var connection: Connections.Connection?
    /// nil: no limit at the moment.
    private var deadline: NIODeadline?
    /// What looks at the deadline next, and when. It stays when the deadline moves away, because to cancel a scheduled
    /// task and to schedule one for each request costs more than all else here.
    private var alarm: (task: Scheduled<Void>, time: NIODeadline)?
    /// Requests whose answers are not complete.
    private var open = 0
    private var isReading = false

    init(limits: Limits, connections: Connections) {
        self.limits = limits
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        connection = connections.connection(of: context.channel)
        allow(limits.headSeconds)
        setAlarm(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) { alarm?.task.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        alarm?.task.cancel()
        deadline = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            open += 1
            isReading = true
            connection?.becomeBusy()
            allow(limits.bodySeconds)
        case .body:
            break
        case .end:
            isReading = false
            settle()
        }
        context.fireChannelRead(data)
    }

    /// Most requests are here as a whole now, and need no alarm.
    func channelReadComplete(context: ChannelHandlerContext) {
        setAlarm(context)
        context.fireChannelReadComplete()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { answered(context) }
        context.write(data, promise: promise)
    }

    /// An answer is complete: one that comes through here, or one of `QuickResponder`.
    func answered(_ context: ChannelHandlerContext) {
        open -= 1
        if !isReading { settle() }
        setAlarm(context)
    }

    /// All of the request is here: while it is answered there is no limit, afterwards that of idle connections.
    private func settle() {
        deadline = nil
        guard open <= 0 else { return }
        connection?.becomeIdle()
        allow(limits.idleSeconds)
    }

    private func allow(_ seconds: Int) { deadline = .now() + .seconds(Int64(seconds)) }

    /// Sees to it that something looks at the deadline in time.
    private func setAlarm(_ context: ChannelHandlerContext) {
        guard let deadline, alarm.map({ $0.time > deadline }) ?? true else { return }
        alarm?.task.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let task = context.eventLoop.scheduleTask(deadline: deadline) {
            let (timer, context) = bound.value
            timer.ring(context)
        }
        alarm = (task, deadline)
    }

    private func ring(_ context: ChannelHandlerContext) {
        alarm = nil
        guard let deadline else { return }
        if deadline <= .now() { context.channel.close(promise: nil) } else { setAlarm(context) }
    }
}

@available(*, unavailable)
extension RequestTimer: Sendable {}

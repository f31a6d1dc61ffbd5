internal import Hummingbird
internal import NIOCore
internal import NIOHTTP1

/// Gives requests to `QuickRoutes` when they are here as a whole, in their event loop's `QuickTurn`, and passes on those
/// that it does not answer.
///
/// One request at a time: what comes while an answer is awaited waits in `later`, and when that is much, nothing more is
/// read from the connection. While the router has a request, all that follow go to it, too, so that answers keep the order.
///
/// Not `Sendable`: it lives on its connection's event loop.
final class QuickResponder: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private final class Held {
        let head: HTTPRequestHead
        let route: QuickRoutes.Route
        let started = ContinuousClock.now
        var body = ByteBuffer()
        /// It is here as a whole; its turn or its answer is awaited.
        var isAsked = false

        init(_ head: HTTPRequestHead, _ route: QuickRoutes.Route) {
            self.head = head
            self.route = route
        }
    }

    private enum Event {
        case part(NIOAny)
        case user(Any)
        case error(any Error)
    }

    private static var mostLater: Int { 16 }

    private let routes: QuickRoutes
    private let timer: RequestTimer
    private var turn: QuickTurn?
    private var held: Held?
    private var later = CircularBuffer<Event>()
    private var isReadWanted = false
    /// Requests that were passed on and are not answered.
    private var passedOn = 0
    /// Those behind have got something since they were told that this is all for now.
    private var isCompleteDue = false
    private var clientAddress: String?
    private var context: ChannelHandlerContext?
    /// Whoever writes here writes bytes.
    private var encoder: ChannelHandlerContext?

    /// - Parameter timer: of the same connection.
    init(_ routes: QuickRoutes, _ timer: RequestTimer) {
        self.routes = routes
        self.timer = timer
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        turn = routes.turn(of: context.eventLoop)
        encoder = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
        clientAddress = context.channel.remoteAddress?.ipAddress
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        encoder = nil
        release()
        later.removeAll()
    }

    // MARK: What comes in

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isWaiting { return later.append(.part(data)) }
        take(data, context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if isWaiting { return later.append(.user(event)) }
        // The router shall know that a request has begun when the connection is about to end.
        passOn(context)
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isWaiting { return later.append(.error(error)) }
        passOn(context)
        context.fireErrorCaught(error)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard isCompleteDue else { return }
        isCompleteDue = false
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        // Not at once: to stop and to start reading takes two calls of the operating system for each request.
        if isWaiting, later.count >= QuickResponder.mostLater { isReadWanted = true } else { context.read() }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { passedOn -= 1 }
        context.write(data, promise: promise)
    }

    private var isWaiting: Bool { held?.isAsked ?? false }

    private func take(_ data: NIOAny, _ context: ChannelHandlerContext) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            // The router waits for clients that are slow to take their answers.
            if passedOn == 0, context.channel.isWritable, let route = routes.enter(head) {
                held = Held(head, route)
                return
            }
            passedOn += 1
        case .body(let part):
            if held != nil { return hold(part) }
        case .end:
            if held != nil { return ask() }
        }
        isCompleteDue = true
        context.fireChannelRead(data)
    }

    private func hold(_ part: ByteBuffer) {
        guard let held else { return }
        if held.body.readableBytes == 0 { held.body = part } else { held.body.writeImmutableBuffer(part) }
    }

    private func ask() {
        held?.isAsked = true
        turn?.ask(self)
    }

    /// The request's turn has come: what has to be done for it, unless it goes the ordinary way.
    func begin() -> QuickWork? {
        guard isWaiting, let request = held else { return nil }
        let origin = RequestOrigin(clientAddress: clientAddress, started: request.started)
        let work = routes.work(request.head, request.body, on: request.route, from: origin)
        if work == nil { finish(nil) }
        return work
    }

    @discardableResult
    private func release() -> Held? {
        guard let request = held.take() else { return nil }
        routes.leave()
        return request
    }

    /// What is held goes the ordinary way.
    private func passOn(_ context: ChannelHandlerContext) {
        guard let request = release() else { return }
        passedOn += 1
        isCompleteDue = true
        context.fireChannelRead(wrapInboundOut(.head(request.head)))
        if request.body.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(.body(request.body))) }
        if request.isAsked { context.fireChannelRead(wrapInboundOut(.end(nil))) }
    }

    // MARK: What goes out

    /// - Parameter json: of the answer; nil: the request goes the ordinary way.
    func finish(_ json: [UInt8]?) {
        guard let context, isWaiting else { return }
        if let json, let encoder, let request = release() {
            routes.count(request.route, since: request.started)
            timer.answered(context)
            encoder.writeAndFlush(NIOAny(QuickHead.answer(json, context.channel.allocator)), promise: nil)
        } else {
            passOn(context)
        }
        while !isWaiting, let event = later.popFirst() {
            switch event {
            case .part(let part): take(part, context)
            case .user(let event): userInboundEventTriggered(context: context, event: event)
            case .error(let error): errorCaught(context: context, error: error)
            }
        }
        channelReadComplete(context: context)
        if isReadWanted, !isWaiting {
            isReadWanted = false
            context.read()
        }
    }
}

@available(*, unavailable)
extension QuickResponder: Sendable {}

internal import HummingbirdCore
internal import KMSSupport
internal import Logging
internal import NIOCore
internal import NIOSSL
internal import NIOTLS

/// The TLS identity in use. A new one serves the connections that come after it; those that are open keep theirs.
final class TLSIdentity: Sendable {
    private let current: Locked<NIOSSLContext>

    init(_ configuration: TLSConfiguration) throws { current = Locked(try NIOSSLContext(configuration: configuration)) }

    var context: NIOSSLContext { current.withLock { $0 } }

    func replace(by configuration: TLSConfiguration) throws {
        let context = try NIOSSLContext(configuration: configuration)
        current.withLock { $0 = context }
    }
}

/// Connections with TLS around others.
struct TLSListener<Base: ServerChildChannel>: ServerChildChannel {
    /// Decides about the certificate of a client that sends one.
    typealias Verification = @Sendable ([NIOSSLCertificate], EventLoopPromise<NIOSSLVerificationResult>) -> Void

    let base: Base
    let identity: TLSIdentity
    /// nil: as the identity's configuration says.
    var verification: Verification?
    let handshakeLimit: TimeAmount
    let metrics: Metrics

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandlers([
                NIOSSLServerHandler(
                    context: identity.context, customVerificationCallback: verification, configuration: .init()),
                HandshakeTimer(limit: handshakeLimit, metrics: metrics),
            ])
        }.flatMap {
            base.setup(channel: channel, logger: logger)
        }
    }

    func handle(value: Base.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}

/// Ends connections whose client says nothing, or half of what TLS wants to hear.
///
/// Not `Sendable`: it lives on its connection's event loop.
private final class HandshakeTimer: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let limit: TimeAmount
    private let metrics: Metrics
    private var timeout: Scheduled<Void>?

    init(limit: TimeAmount, metrics: Metrics) {
        self.limit = limit
        self.metrics = metrics
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        let metrics = metrics
        timeout = context.eventLoop.scheduleTask(in: limit) {
            metrics.handshakesTimedOut.add()
            channel.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timeout?.cancel() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            timeout?.cancel()
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        context.fireChannelInactive()
    }
}

@available(*, unavailable)
extension HandshakeTimer: Sendable {}

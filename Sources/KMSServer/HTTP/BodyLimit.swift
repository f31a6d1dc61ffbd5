internal import Hummingbird
internal import NIOCore
internal import NIOHTTPTypes

/// Hangs up on a client that goes on sending a body after it was refused as too long.
///
/// The answer 413 leaves as soon as the limit is passed. Clients that write all before they read should still see it, so
/// something beyond the limit is read and dropped, but not everything that somebody may want to send.
///
/// Not `Sendable`: it lives on its connection's event loop.
final class BodyLimit: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Bytes beyond the limit that are read and dropped.
    private static var tolerance: Int { 33_554_432 }

    /// Of the current request's body, in bytes.
    private var count = 0
    private var isOver: Bool { count > Request.bodyLimit + BodyLimit.tolerance }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: count = 0
        case .body(let part): count += part.readableBytes
        case .end: break
        }
        guard !isOver else { return context.close(promise: nil) }
        context.fireChannelRead(data)
    }

    /// TLS waits a moment for the client to say that it closes, too. Until then no more is read.
    func read(context: ChannelHandlerContext) {
        if !isOver { context.read() }
    }
}

@available(*, unavailable)
extension BodyLimit: Sendable {}

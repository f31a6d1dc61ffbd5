internal import Hummingbird
internal import NIOCore
internal import NIOHTTPTypes

/// Hangs up on a client that goes on sending a body after it was refused as too long.
///
/// The answer 413 leaves as soon as the limit is passed. Clients that write all before they read should still see it, so
/// something beyond the limit is read and dropped, but not everything that somebody may want to send.
///
/// Not `Sendable`: it lives on its connection's event loop.
final class BodyLimit: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart

    /// Bytes beyond the limit that are read and dropped.
    private static var tolerance: Int { 33_554_432 }

    /// Of the current request's body, in bytes.
    private var count = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: count = 0
        case .body(let part): count += part.readableBytes
        case .end: break
        }
        guard count <= Request.bodyLimit + BodyLimit.tolerance else { return context.close(promise: nil) }
        context.fireChannelRead(data)
    }
}

@available(*, unavailable)
extension BodyLimit: Sendable {}

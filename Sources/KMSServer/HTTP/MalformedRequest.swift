internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes

/// Says why a request was refused that is no HTTP, or has more of a head than fits. The server's own answer is a bare 400.
///
/// Not `Sendable`: it lives on its connection's event loop.
final class MalformedRequest: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var sentence: String?

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? HTTPParserError { sentence = MalformedRequest.sentence(error) }
        context.fireErrorCaught(error)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard let sentence, case .head(var head) = unwrapOutboundIn(data), head.status == .badRequest,
            head.headerFields[.contentLength] == "0"
        else { return context.write(data, promise: promise) }
        head.headerFields[.contentType] = "text/plain; charset=utf-8"
        head.headerFields[.contentLength] = String(sentence.utf8.count)
        context.write(wrapOutboundOut(.head(head)), promise: promise)
        context.write(wrapOutboundOut(.body(ByteBuffer(string: sentence))), promise: nil)
    }

    private static func sentence(_ error: HTTPParserError) -> String {
        error == .headerOverflow
            ? "The head of the request is too long; shorten its path and query, or send fewer and shorter headers"
            : "The request is not valid HTTP/1.1"
    }
}

@available(*, unavailable)
extension MalformedRequest: Sendable {}

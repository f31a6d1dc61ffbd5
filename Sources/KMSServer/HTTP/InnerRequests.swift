internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import KMSModel
internal import KMSSupport
internal import NIOCore

/// Requests within requests: they go through the router as if they had come alone, with the credential of the request
/// that they came in, so they are authenticated, checked and recorded like any other.
final class InnerRequests: Sendable {
    struct Answer: Codable, Sendable {
        var status: Int
        /// A plain-text refusal becomes a JSON string.
        var body: JSONValue?
        /// Of the body as it was, in bytes.
        var size = 0

        private enum CodingKeys: String, CodingKey { case status, body }
    }

    private let responder = Locked<RouterResponder<KMSContext>?>(nil)

    /// Must be called when all routes are known.
    func use(_ router: Router<KMSContext>) {
        let built = router.buildResponder()
        responder.withLock { $0 = built }
    }

    /// - Parameters:
    ///   - path: with its query.
    ///   - authorization: the header of the outer request.
    func run(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSONValue?, _ authorization: String?,
        _ context: KMSContext
    ) async throws -> Answer {
        guard let responder = responder.withLock({ $0 }) else { throw KMSError.internalError }
        var headers: HTTPFields = [:]
        headers[.authorization] = authorization
        var buffer = ByteBuffer()
        if let body {
            buffer = ByteBuffer(bytes: try JSONEncoder().encode(body))
            headers[.contentLength] = String(buffer.readableBytes)
        }
        let request = Request(
            head: HTTPRequest(method: method, scheme: nil, authority: nil, path: path, headerFields: headers),
            body: RequestBody(buffer: buffer))
        return try await InnerRequests.answer(try await responder.respond(to: request, context: context))
    }

    private static func answer(_ response: Response) async throws -> Answer {
        let collector = BodyCollector()
        try await response.body.write(collector)
        let bytes = collector.bytes
        guard !bytes.isEmpty else { return Answer(status: response.status.code, body: nil) }
        let isJSON = response.headers[.contentType] == "application/json"
        let body =
            isJSON
            ? try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
            : JSONValue.text(String(decoding: bytes, as: UTF8.self))
        return Answer(status: response.status.code, body: body, size: bytes.count)
    }
}

/// Takes the body of an answer that does not go to the network.
private final class BodyCollector: ResponseBodyWriter, Sendable {
    private let buffer = Locked<[UInt8]>([])

    var bytes: [UInt8] { buffer.withLock { $0 } }

    func write(_ part: ByteBuffer) { buffer.withLock { $0 += Array(part.readableBytesView) } }

    func finish(_ trailingHeaders: HTTPFields?) {}
}

internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import KMSModel
internal import KMSSupport
internal import NIOCore

/// Requests within requests: they go through the router as if they had come alone, with the credential of the request
/// that they came in, so they are authenticated, checked and recorded like any other.
final class InnerRequests: Sendable {
    /// The body is not looked into, and so costs no more memory than its bytes.
    struct Answer: Sendable {
        enum Body: Sendable {
            case none
            case json([UInt8])
            /// Of a refusal. It becomes a JSON string.
            case text(String)
        }

        var status: Int
        var body: Body

        /// `{"status":…,"body":…}`, the body only if there is one.
        var json: JSONText {
            var text = JSONText()
            text.add("status", status)
            switch body {
            case .none: break
            case .json(let bytes): text.add("body", raw: bytes)
            case .text(let sentence): text.add("body", sentence)
            }
            return text
        }
    }

    /// Longest answer, in bytes. Only lists come near it.
    private static var longest: Int { 8_388_608 }

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
        let collector = BodyCollector(limit: longest)
        do {
            try await response.body.write(collector)
        } catch is BodyCollector.Overflow {
            let sentence = "The answer is over \(longest >> 20) MiB; ask for fewer entries with \"limit\""
            return Answer(status: HTTPResponse.Status.contentTooLarge.code, body: .text(sentence))
        }
        let bytes = collector.bytes
        guard !bytes.isEmpty else { return Answer(status: response.status.code, body: .none) }
        let isJSON = response.headers[.contentType] == "application/json"
        return Answer(
            status: response.status.code,
            body: isJSON ? .json(bytes) : .text(String(decoding: bytes, as: UTF8.self)))
    }
}

/// Takes the body of an answer that does not go to the network.
private final class BodyCollector: ResponseBodyWriter, Sendable {
    struct Overflow: Error {}

    private let limit: Int
    private let buffer = Locked<[UInt8]>([])

    var bytes: [UInt8] { buffer.withLock { $0 } }

    init(limit: Int) { self.limit = limit }

    func write(_ part: ByteBuffer) throws {
        let isOver = buffer.withLock { buffer in
            buffer += Array(part.readableBytesView)
            return buffer.count > limit
        }
        if isOver { throw Overflow() }
    }

    func finish(_ trailingHeaders: HTTPFields?) {}
}

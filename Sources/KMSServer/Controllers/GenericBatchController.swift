internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import KMSModel
internal import KMSSupport
internal import NIOCore

/// POST /batch/v1: any requests to /crypto/v1, in batches of batches.
///
/// Every item goes through the router as if it had come alone, with the batch's credential: it is authenticated,
/// checked and recorded like any other. Items run one after the other in any case; in a `Serial` batch those after a
/// failure are skipped.
final class GenericBatchController: Sendable {
    /// Bytes that the answers in one batch may come to. Requests after that are refused without being done, for a
    /// thousand lists of a thousand keys each would not fit into memory.
    private static var answerLimit: Int { 8_388_608 }

    private let responder = Locked<RouterResponder<KMSContext>?>(nil)

    func addRoutes(to routes: RouteTable) {
        routes.on(.post, "/batch/v1") { [self] request, context, _ in
            let batch = try await request.json(BatchNode.self)
            try BatchController.checkCount(batch.count)
            var size = 0
            return try .json(try await run(batch, request.headers[.authorization], context, &size))
        }
    }

    /// Must be called when all routes are known.
    func use(_ router: Router<KMSContext>) {
        let built = router.buildResponder()
        responder.withLock { $0 = built }
    }

    /// - Parameter size: of the answers until now, in bytes.
    private func run(
        _ node: BatchNode, _ authorization: String?, _ context: KMSContext, _ size: inout Int
    ) async throws -> BatchOutcome {
        switch node {
        case .item(let item):
            return try await run(item, authorization, context, &size)
        case .batch(let order, let items):
            var outcomes: [BatchOutcome] = []
            for item in items {
                if order == .serial, outcomes.contains(where: \.isFailure) {
                    outcomes.append(GenericBatchController.skipped(item))
                } else {
                    outcomes.append(try await run(item, authorization, context, &size))
                }
            }
            return .batch(outcomes)
        }
    }

    private static func skipped(_ node: BatchNode) -> BatchOutcome {
        switch node {
        case .batch(_, let items): .batch(items.map(skipped))
        case .item: .skipped(reason: "An item before it failed")
        }
    }

    private func run(
        _ item: BatchNode.Item, _ authorization: String?, _ context: KMSContext, _ size: inout Int
    ) async throws -> BatchOutcome {
        guard size <= GenericBatchController.answerLimit else {
            return .result(status: 413, body: .text("The batch's answers are over 8 MiB; send it in parts"))
        }
        // "/crypto/v1/keys/../../../sys/v1" leads nowhere: the router knows no "..".
        guard item.operation.hasPrefix("/crypto/v1/"), !item.operation.hasPrefix("/crypto/v1/keys/batch/") else {
            return GenericBatchController.failure("Only single requests to /crypto/v1/ can be items of a batch")
        }
        guard let method = HTTPRequest.Method(item.method.uppercased()) else {
            return GenericBatchController.failure("Field \"method\" is not an HTTP method")
        }
        guard let responder = responder.withLock({ $0 }) else { throw KMSError.internalError }
        var headers: HTTPFields = [:]
        headers[.authorization] = authorization
        var body = ByteBuffer()
        if let value = item.body {
            body = ByteBuffer(bytes: try JSONEncoder().encode(value))
            headers[.contentLength] = String(body.readableBytes)
        }
        let request = Request(
            head: HTTPRequest(method: method, scheme: nil, authority: nil, path: item.operation, headerFields: headers),
            body: RequestBody(buffer: body))
        let response = try await responder.respond(to: request, context: context)
        return try await GenericBatchController.outcome(response, &size)
    }

    private static func failure(_ message: String) -> BatchOutcome { .result(status: 400, body: .text(message)) }

    /// A plain-text refusal becomes a JSON string.
    private static func outcome(_ response: Response, _ size: inout Int) async throws -> BatchOutcome {
        let collector = BodyCollector()
        try await response.body.write(collector)
        let bytes = collector.bytes
        size += bytes.count
        guard !bytes.isEmpty else { return .result(status: response.status.code, body: nil) }
        let isJSON = response.headers[.contentType] == "application/json"
        let body =
            isJSON
            ? try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
            : JSONValue.text(String(decoding: bytes, as: UTF8.self))
        return .result(status: response.status.code, body: body)
    }
}

/// Takes the body of an answer that does not go to the network.
private final class BodyCollector: ResponseBodyWriter, Sendable {
    private let buffer = Locked<[UInt8]>([])

    var bytes: [UInt8] { buffer.withLock { $0 } }

    func write(_ part: ByteBuffer) { buffer.withLock { $0 += Array(part.readableBytesView) } }

    func finish(_ trailingHeaders: HTTPFields?) {}
}

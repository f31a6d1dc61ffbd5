internal import HTTPTypes
internal import Hummingbird
internal import KMSModel

/// POST /batch/v1: any requests to /crypto/v1, in batches of batches.
///
/// Every item goes through the router as if it had come alone, with the batch's credential: it is authenticated,
/// checked and recorded like any other. Items run one after the other in any case; in a `Serial` batch those after a
/// failure are skipped.
struct GenericBatchController: Sendable {
    /// Bytes that the answers in one batch may come to. Requests after that are refused without being done, for a
    /// thousand lists of a thousand keys each would not fit into memory.
    private static var answerLimit: Int { 8_388_608 }

    let inner: InnerRequests

    func addRoutes(to routes: RouteTable) {
        routes.on(.post, "/batch/v1") { request, context, _ in
            let batch = try await request.json(BatchNode.self)
            try BatchController.checkCount(batch.count)
            var size = 0
            return Response(json: try await run(batch, request.headers[.authorization], context, &size).json)
        }
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
            let limit = "\(GenericBatchController.answerLimit >> 20) MiB"
            return GenericBatchController.refusal(
                .contentTooLarge, "The batch's answers are over \(limit); send it in parts")
        }
        // "/crypto/v1/keys/../../../sys/v1" leads nowhere: the router knows no "..".
        guard item.operation.hasPrefix("/crypto/v1/"), !item.operation.hasPrefix("/crypto/v1/keys/batch/") else {
            return GenericBatchController.refusal(
                .badRequest, "Only single requests to /crypto/v1/ can be items of a batch")
        }
        guard let method = HTTPRequest.Method(item.method.uppercased()) else {
            return GenericBatchController.refusal(.badRequest, "Field \"method\" is not an HTTP method")
        }
        let answer = try await inner.run(method, item.operation, item.body, authorization, context)
        if case .json(let bytes) = answer.body { size += bytes.count }
        return .result(answer)
    }

    private static func refusal(_ status: HTTPResponse.Status, _ message: String) -> BatchOutcome {
        .result(.init(status: status.code, body: .text(message)))
    }
}

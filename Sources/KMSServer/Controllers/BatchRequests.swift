internal import FoundationEssentials
internal import KMSModel

/// An item of batch/encrypt and batch/decrypt: the key beside the request.
struct KeyedRequest<Request: KeyUseRequest>: Decodable, Sendable {
    var kid: String
    var request: Request

    /// The request as the other endpoints take it.
    var whole: Request {
        var request = request
        request.key = SobjectDescriptor(kid: kid)
        return request
    }
}

/// What became of an item: `error` is there when it failed.
struct BatchResult<Body: Encodable>: Encodable {
    var status: Int
    var body: Body?
    var error: String?
}

/// POST /batch/v1: a request, or requests that are run in order or in any.
indirect enum BatchNode: Decodable, Sendable {
    case batch(Order, [BatchNode])
    case item(Item)

    enum Order: String, WireEnum {
        /// When an item fails, those after it are skipped.
        case serial = "Serial"
        case unordered = "Unordered"
    }

    struct Item: Decodable, Sendable {
        var method: String
        /// Path and query.
        var operation: String
        var body: JSONValue?
    }

    private struct Batch: Decodable {
        var order: Order
        var items: [BatchNode]

        enum CodingKeys: String, CodingKey {
            case order = "batch_execution_type"
            case items
        }
    }

    private enum CodingKeys: String, CodingKey {
        case batch = "Batch"
        case item = "SingleItem"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch (container.contains(.batch), container.contains(.item)) {
        case (true, false):
            guard decoder.codingPath.count <= 4 * BatchNode.deepest else {
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription: "batches are nested at most \(BatchNode.deepest) deep"))
            }
            let batch = try container.decode(Batch.self, forKey: .batch)
            self = .batch(batch.order, batch.items)
        case (false, true):
            self = .item(try container.decode(Item.self, forKey: .item))
        default:
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "expected an object with exactly one of \"Batch\" and \"SingleItem\""))
        }
    }

    /// Batches within batches.
    static var deepest: Int { 8 }

    /// Requests in all.
    var count: Int {
        switch self {
        case .batch(_, let items): items.reduce(0) { $0 + $1.count }
        case .item: 1
        }
    }
}

/// The answer has the shape of the request.
indirect enum BatchOutcome: Sendable {
    case batch([BatchOutcome])
    case result(InnerRequests.Answer)
    case skipped(reason: String)

    var json: JSONText {
        var text = JSONText()
        switch self {
        case .batch(let items): text.add("Batch", .with { $0.add("items", items.map(\.json)) })
        case .result(let answer): text.add("SingleItem", .with { $0.add("Result", answer.json) })
        case .skipped(let reason):
            text.add("SingleItem", .with { $0.add("Skipped", .with { $0.add("reason", reason) }) })
        }
        return text
    }

    var isFailure: Bool {
        switch self {
        case .batch(let items): items.contains(where: \.isFailure)
        case .result(let answer): answer.status >= 300
        case .skipped: true
        }
    }
}

extension JSONText {
    fileprivate static func with(_ fill: (inout JSONText) -> Void) -> JSONText {
        var text = JSONText()
        fill(&text)
        return text
    }
}

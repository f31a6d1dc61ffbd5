internal import FoundationEssentials
package import Hummingbird
package import KMSModel
internal import NIOCore

extension Request {
    /// Whether the body is known to be of the size of an ordinary signature's.
    package var isShort: Bool { headers[.contentLength].flatMap(Int.init).map { $0 <= 16_384 } ?? false }

    /// As `json`, but no body at all counts as an empty object.
    package func jsonIfAny<Body: Decodable>(
        _ type: Body.Type, refusing refused: [RefusedField] = []
    ) async throws -> Body {
        guard hasBody else {
            return try JSONDecoder().decode(type, from: Data("{}".utf8))
        }
        return try await json(type, refusing: refused)
    }

    /// The JSON body, whatever it is; nil when there is none.
    func jsonValueIfAny() async throws -> JSONValue? {
        hasBody ? try await json(JSONValue.self) : nil
    }

    /// The JSON body, whatever Content-Type says: several clients send none.
    ///
    /// - Throws: `KMSError` 413 for a body over the limit, 400 with the name of the offending field otherwise.
    ///
    /// - Parameter refused: fields of the API that mean something and that this server cannot honour.
    package func json<Body: Decodable>(_ type: Body.Type, refusing refused: [RefusedField] = []) async throws -> Body {
        try Request.decode(type, from: try await bytes(), refusing: refused)
    }

    /// As `json`, in a shorter way where there is one.
    package func signRequest() async throws -> SignRequest {
        let buffer = try await bytes()
        return try SignRequest(plain: buffer.readableBytesView) ?? Request.decode(SignRequest.self, from: buffer)
    }

    /// The request with its whole body.
    ///
    /// - Throws: `KMSError` 413 for a body over the limit, 400 for one that is cut off.
    func complete() async throws -> Request {
        guard hasBody else { return self }
        var request = self
        request.body = .init(buffer: try await collected())
        return request
    }

    private func collected() async throws -> ByteBuffer {
        if let length = headers[.contentLength].flatMap(Int.init), length > Request.bodyLimit { throw tooLarge }
        do {
            return try await body.collect(upTo: Request.bodyLimit)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        } catch let error as CancellationError {
            throw error
        } catch {
            // What else can fail here is the connection: chunks that are none, or a client that hung up.
            throw KMSError.badRequest("The request body is cut off or its chunks are malformed")
        }
    }

    /// The whole body, which is not empty.
    private func bytes() async throws -> ByteBuffer {
        let buffer = try await collected()
        guard buffer.readableBytes > 0 else {
            throw KMSError.badRequest("The request body is empty; expected a JSON object")
        }
        return buffer
    }

    private static func decode<Body: Decodable>(
        _ type: Body.Type, from buffer: ByteBuffer, refusing refused: [RefusedField] = []
    ) throws -> Body {
        do throws(JSONCheck.Fault) {
            try JSONCheck.check(buffer.readableBytesUInt8Span)
        } catch {
            throw KMSError.badRequest("The request body " + error.sentence)
        }
        do {
            let data = Data(buffer.readableBytesView)
            try RefusedField.check(data, refused)
            return try JSONDecoder().decode(type, from: data)
        } catch let error as DecodingError {
            throw KMSError.badRequest(error.sentence)
        }
    }

    var hasBody: Bool {
        headers[.contentLength].flatMap(Int.init) ?? 0 > 0 || headers[.transferEncoding] != nil
    }

    private var tooLarge: KMSError {
        KMSError(.contentTooLarge, "The request body is over the limit of \(Request.bodyLimit) bytes")
    }
}

extension DecodingError {
    /// Which field is wrong and how, without the value that was sent.
    fileprivate var sentence: String {
        switch self {
        case .keyNotFound(let key, let context):
            "Field \"\(path(context.codingPath + [key]))\" is missing"
        case .valueNotFound(_, let context) where !context.codingPath.isEmpty:
            "Field \"\(path(context.codingPath))\" is null, but must have a value"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            context.codingPath.isEmpty
                ? "Invalid request: expected a JSON object"
                : "Field \"\(path(context.codingPath))\" has the wrong type: \(context.debugDescription)"
        case .dataCorrupted(let context):
            context.codingPath.isEmpty
                ? "A number in the request body does not fit its field"
                : "Field \"\(path(context.codingPath))\" is not valid: \(context.debugDescription)"
        @unknown default:
            "The request body is not valid"
        }
    }

    /// Names may be the client's own, in a map, and of any length.
    private func path(_ keys: [any CodingKey]) -> String {
        String(keys.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".").prefix(256))
    }
}

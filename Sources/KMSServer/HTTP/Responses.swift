internal import FoundationEssentials
package import HTTPTypes
package import Hummingbird
package import KMSModel

extension JSONEncoder {
    static var ofAnswers: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return encoder
    }
}

extension Response {
    package static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let body = try JSONEncoder.ofAnswers.encode(value)
        return Response(
            status: status, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }

    /// For answers whose speed matters.
    package init(json: JSONText) {
        self.init(
            status: .ok, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: json.finish())))
    }

    package static var noContent: Response { Response(status: .noContent) }
}

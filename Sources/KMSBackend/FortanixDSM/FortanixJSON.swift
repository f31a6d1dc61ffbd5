internal import FoundationEssentials
internal import KMSTransport

/// JSON of requests and answers.
enum FortanixJSON {
    static func encode(_ value: some Encodable) throws(BackendError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        do {
            var data = try encoder.encode(value)
            defer { data.wipe() }
            return Array(data)
        } catch {
            throw BackendError(.invalid, "the request cannot be written as JSON: \(describe(error))")
        }
    }

    static func decode<Value: Decodable>(
        _ type: Value.Type, _ response: HTTPResponse, doing: String
    ) throws(BackendError) -> Value {
        var data = Data(response.body)
        defer { data.wipe() }
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch {
            throw BackendError(.protocolViolation, "\(doing): the KMS's answer makes no sense: \(describe(error))")
        }
    }

    /// Where and what, without the value.
    static func describe(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            return "\(path(context.codingPath + [key])) is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            return "\(path(context.codingPath)) has the wrong type"
        case DecodingError.dataCorrupted(let context):
            return context.codingPath.isEmpty ? "it is not JSON" : "\(path(context.codingPath)) has no valid value"
        default: return "it is not JSON"
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        let text = keys.map(\.stringValue).joined(separator: ".")
        return text.isEmpty ? "it" : text
    }
}

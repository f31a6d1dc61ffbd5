internal import FoundationEssentials
internal import GRDB
internal import Hummingbird
internal import NIOCore

/// What stands around the elements of a list.
struct ListFrame: Sendable {
    var begin: String
    var end: String

    /// A bare array.
    static var array: ListFrame { ListFrame(begin: "[", end: "]") }

    /// `{"metadata":…,"items":[…]}`
    static func page(_ metadata: some Encodable) throws -> ListFrame {
        let text = String(decoding: try JSONEncoder.ofAnswers.encode(metadata), as: UTF8.self)
        return ListFrame(begin: "{\"metadata\":\(text),\"items\":[", end: "]}")
    }
}

extension Response {
    /// A list of any length in bounded memory: it is read, made into JSON and sent part by part, each when the client
    /// has taken the one before. Between two parts nothing of the database is held, so that a slow client is in nobody's
    /// way.
    ///
    /// The first part is read before the answer begins, so what fails with it gets a status of its own. A failure later
    /// cuts the answer off, which the client notices by its chunks. A list of one part has a Content-Length.
    ///
    /// - Parameter part: the part that begins at a position.
    static func list<Position: Sendable>(
        from start: Position, in frame: ListFrame = .array,
        _ part: @escaping @Sendable (Position) async throws -> ListPart<Position>
    ) async throws -> Response {
        let first = try await part(start)
        var buffer = ByteBuffer(string: frame.begin)
        buffer.writeBytes(first.json)
        let body: ResponseBody
        if first.next == nil {
            buffer.writeString(frame.end)
            body = ResponseBody(byteBuffer: buffer)
        } else {
            body = ResponseBody { [buffer, next = first.next, isEmpty = first.count == 0] writer in
                try await writer.write(buffer)
                try await write(from: next, isFirst: isEmpty, part, to: &writer)
                try await writer.write(ByteBuffer(string: frame.end))
                try await writer.finish(nil)
            }
        }
        return Response(status: .ok, headers: [.contentType: "application/json"], body: body)
    }

    private static func write<Position: Sendable>(
        from start: Position?, isFirst: Bool, _ part: @escaping @Sendable (Position) async throws -> ListPart<Position>,
        to writer: inout any ResponseBodyWriter
    ) async throws {
        var (start, needsComma) = (start, !isFirst)
        while let position = start {
            let part = try await part(position)
            start = part.next
            guard part.count > 0 else { continue }
            var buffer = ByteBuffer()
            if needsComma { buffer.writeString(",") }
            buffer.writeBytes(part.json)
            try await writer.write(buffer)
            needsComma = true
        }
    }

    /// As the other, of records that are found by their ids, in the order of these.
    ///
    /// - Parameter item: nil when there is no such record any more, or the caller must not see it.
    static func list(
        of ids: some Sequence<String>, in frame: ListFrame = .array, _ pool: DatabasePool,
        _ item: @escaping @Sendable (String, Database) throws -> (some Encodable & SendableMetatype)?
    ) async throws -> Response {
        try await list(from: Array(ids)[...], in: frame) { ids in
            try await pool.read { db in
                var part = ListPart<ArraySlice<String>>()
                var rest = ids
                while !part.isFull, let id = rest.popFirst() {
                    if let item = try item(id, db) { try part.add(item) }
                }
                part.next = rest.isEmpty ? nil : rest
                return part
            }
        }
    }
}

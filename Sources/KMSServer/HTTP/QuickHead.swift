internal import Hummingbird
internal import NIOCore

/// The head of each quick answer, written in one piece with its body: all of it is fixed but for a number, an id of
/// digits and the date.
enum QuickHead {
    static func answer(_ json: [UInt8], _ allocator: ByteBufferAllocator) -> ByteBuffer {
        var answer = allocator.buffer(capacity: 256 + json.count)
        answer.writeStaticString("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nserver: kmsd")
        answer.writeStaticString("\r\ncontent-length: ")
        answer.writeString(String(json.count))
        answer.writeStaticString("\r\nx-request-id: ")
        answer.writeString(RequestID().description)
        answer.writeStaticString("\r\ndate: ")
        answer.writeString(DateHeader.now)
        answer.writeStaticString("\r\n\r\n")
        answer.writeBytes(json)
        return answer
    }
}

internal import FoundationEssentials

/// A stretch of a list as JSON: some elements with commas between them, and where the list goes on.
struct ListPart<Position: Sendable>: Sendable {
    /// In bytes. One element alone may be longer, which then is all of its part.
    private static var length: Int { 262_144 }

    private(set) var json: [UInt8] = []
    private(set) var count = 0
    /// nil: nothing comes after this part.
    var next: Position?
    private let encoder = JSONEncoder.ofAnswers

    var isFull: Bool { json.count >= ListPart.length }

    mutating func add(_ element: some Encodable) throws {
        if count > 0 { json.append(UInt8(ascii: ",")) }
        json += try encoder.encode(element)
        count += 1
    }
}

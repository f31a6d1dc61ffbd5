/// A JSON value of any form, as a `filter` is read before its meaning is known.
enum JSONExpression: Decodable, Sendable {
    case null
    case flag(Bool)
    case number(Int)
    case text(String)
    case list([JSONExpression])
    case object([String: JSONExpression])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? container.decode(Int.self) {
            self = .number(number)
        } else if let list = try? decoder.unkeyedContainer() {
            self = try .list(JSONExpression.items(of: list))
        } else {
            self = .object(try container.decode([String: JSONExpression].self))
        }
    }

    private static func items(of container: any UnkeyedDecodingContainer) throws -> [JSONExpression] {
        var container = container
        var items: [JSONExpression] = []
        while !container.isAtEnd { items.append(try container.decode(JSONExpression.self)) }
        return items
    }
}

internal import GRDB
internal import KMSModel

/// One attribute that a `filter` can look at: where it is in the database and which values it has.
struct KeyFilterField {
    enum Comparison: String, CaseIterable {
        case equal = "$eq"
        case notEqual = "$ne"
        case less = "$lt"
        case lessOrEqual = "$lte"
        case greater = "$gt"
        case greaterOrEqual = "$gte"
        case oneOf = "$in"
        case noneOf = "$nin"
        case any = "$any"
        case all = "$all"
        case exists = "$exists"
    }

    private enum Kind {
        case text
        case number
        case flag
        case time
        /// A word of an enumeration, in any case of letters; nil: there is no such word.
        case word(@Sendable (String) -> String?)
        /// A set of words.
        case words(@Sendable (String) -> String?)
    }

    let name: String
    private let expression: String
    private let kind: Kind
    /// Arguments of `expression` itself.
    private var own: [DatabaseValue] = []

    init(_ name: String) throws(KMSError) {
        self.name = name
        func attribute(_ path: String) -> String { "json_extract(attributes, '$.\(path)')" }
        switch name {
        case "kid", "group_id": (expression, kind) = (name, .word { $0.lowercased() })
        case "name": (expression, kind) = (name, .text)
        case "obj_type": (expression, kind) = (name, .word { ObjectType(wire: $0)?.rawValue })
        case "key_size": (expression, kind) = (attribute("key_size"), .number)
        case "state": (expression, kind) = (KeyFilterField.state, .word { ObjectState(wire: $0)?.rawValue })
        case "enabled": (expression, kind) = (attribute("enabled"), .flag)
        case "created_at": (expression, kind) = (attribute("created_at"), .time)
        case "expires": (expression, kind) = (attribute("deactivation_date"), .time)
        case "description": (expression, kind) = (attribute("description"), .text)
        case "wrapping_key": (expression, kind) = (attribute("links.wrappingKey"), .word { $0.lowercased() })
        case "group_name":
            expression = "(SELECT name FROM \"group\" WHERE \"group\".group_id = sobject.group_id)"
            kind = .text
        case "creator_id":
            expression = "coalesce(\(attribute("creator.app")), \(attribute("creator.user")))"
            kind = .word { $0.lowercased() }
        case "creator_type":
            expression = "CASE WHEN \(attribute("creator.app")) IS NULL THEN 'user' ELSE 'app' END"
            kind = .word { ["app", "user"].contains($0.lowercased()) ? $0.lowercased() : nil }
        case "key_ops":
            expression = "SELECT value FROM json_each(attributes, '$.key_ops')"
            kind = .words { KeyOperation(wire: $0)?.rawValue }
        default:
            let parts = name.split(separator: ".", maxSplits: 1)
            guard parts.count == 2, parts[0] == "custom_attributes" else {
                throw KeyFilter.wrong(
                    "has an unknown field \(name.prefix(64).quoted); known: kid name description obj_type key_size state "
                        + "key_ops enabled group_id group_name creator_id creator_type wrapping_key created_at expires "
                        + "custom_attributes.…")
            }
            expression =
                "(SELECT entry.value FROM json_each(attributes, '$.custom_metadata') AS entry WHERE entry.key = ?)"
            kind = .text
            own = [String(parts[1]).databaseValue]
        }
    }

    /// `Sobject.currentState` in SQL; times of the API are in the order of their texts.
    private static var state: String {
        """
        CASE
            WHEN json_extract(attributes, '$.state') NOT IN ('Active', 'PreActive')
                THEN json_extract(attributes, '$.state')
            WHEN json_extract(attributes, '$.deactivation_date') <= strftime('%Y%m%dT%H%M%SZ', 'now')
                THEN 'Deactivated'
            WHEN json_extract(attributes, '$.activation_date') <= strftime('%Y%m%dT%H%M%SZ', 'now')
                THEN 'Active'
            ELSE json_extract(attributes, '$.state')
        END
        """
    }

    /// Every condition is true or false and never SQL's unknown, so that `NOT` means what it says for objects that
    /// lack the attribute.
    func condition(
        _ comparison: Comparison, _ operand: JSONValue
    ) throws(KMSError) -> (String, [DatabaseValue]) {
        if case .words = kind { return try setCondition(comparison, operand) }
        switch comparison {
        case .equal: return ("\(expression) IS ?", own + [try value(operand)])
        case .notEqual: return ("\(expression) IS NOT ?", own + [try value(operand)])
        case .less: return try order("<", operand)
        case .lessOrEqual: return try order("<=", operand)
        case .greater: return try order(">", operand)
        case .greaterOrEqual: return try order(">=", operand)
        case .oneOf:
            let values = try list(operand)
            return ("ifnull(\(expression) IN (\(places(values.count))), 0)", own + values)
        case .noneOf:
            let values = try list(operand)
            return ("NOT ifnull(\(expression) IN (\(places(values.count))), 0)", own + values)
        case .exists:
            guard case .flag(let wanted) = operand else { throw unfit(comparison, "true or false") }
            return ("\(expression) IS \(wanted ? "NOT NULL" : "NULL")", own)
        case .any, .all:
            throw KeyFilter.wrong("cannot use \(comparison.rawValue) with \(name), which has one value")
        }
    }

    private func setCondition(
        _ comparison: Comparison, _ operand: JSONValue
    ) throws(KMSError) -> (String, [DatabaseValue]) {
        switch comparison {
        case .equal: return ("? IN (\(expression))", [try value(operand)])
        case .notEqual: return ("? NOT IN (\(expression))", [try value(operand)])
        case .oneOf, .any, .noneOf:
            let values = try list(operand)
            let found = values.map { _ in "? IN (\(expression))" }.joined(separator: " OR ")
            return (comparison == .noneOf ? "NOT (\(found))" : "(\(found))", values)
        case .all:
            let values = try list(operand)
            return ("(" + values.map { _ in "? IN (\(expression))" }.joined(separator: " AND ") + ")", values)
        case .less, .lessOrEqual, .greater, .greaterOrEqual, .exists:
            throw KeyFilter.wrong("cannot use \(comparison.rawValue) with \(name), which is a set")
        }
    }

    private func order(_ sign: String, _ operand: JSONValue) throws(KMSError) -> (String, [DatabaseValue]) {
        if case .flag = kind { throw KeyFilter.wrong("cannot order by \(name), which is true or false") }
        return ("ifnull(\(expression) \(sign) ?, 0)", own + [try value(operand)])
    }

    private func list(_ operand: JSONValue) throws(KMSError) -> [DatabaseValue] {
        guard case .array(let items) = operand, !items.isEmpty, items.count <= KeyFilter.mostConditions else {
            throw KeyFilter.wrong("needs a list of 1 to \(KeyFilter.mostConditions) values for \(name)")
        }
        var values: [DatabaseValue] = []
        for item in items { values.append(try value(item)) }
        return values
    }

    private func places(_ count: Int) -> String { [String](repeating: "?", count: count).joined(separator: ", ") }

    private func value(_ operand: JSONValue) throws(KMSError) -> DatabaseValue {
        switch (kind, operand) {
        case (.text, .text(let text)): return text.databaseValue
        case (.number, .integer(let number)): return number.databaseValue
        case (.flag, .flag(let flag)): return (flag ? 1 : 0).databaseValue
        case (.time, .integer(let seconds)):
            // Stored as text of a fixed width, whose order is that of time.
            guard (0...253_402_300_799).contains(seconds) else {
                throw KeyFilter.wrong("has a time for \(name) that is out of range; use seconds since 1970")
            }
            return Timestamp(seconds: Int64(seconds)).description.databaseValue
        case (.time, .text(let text)):
            guard let time = Timestamp(text) else { break }
            return time.description.databaseValue
        case (.word(let known), .text(let text)), (.words(let known), .text(let text)):
            guard let word = known(text) else {
                throw KeyFilter.wrong("has an unknown value \(text.prefix(64).quoted) for \(name)")
            }
            return word.databaseValue
        default: break
        }
        throw KeyFilter.wrong("has a value of the wrong kind for \(name): \(expected) is needed")
    }

    private var expected: String {
        switch kind {
        case .text, .word, .words: "a text"
        case .number: "a whole number"
        case .flag: "true or false"
        case .time: "seconds since 1970 or a time like 20260102T030405Z"
        }
    }

    private func unfit(_ comparison: Comparison, _ wanted: String) -> KMSError {
        KeyFilter.wrong("needs \(wanted) for \(comparison.rawValue)")
    }
}

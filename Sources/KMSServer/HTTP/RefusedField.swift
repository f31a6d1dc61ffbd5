internal import FoundationEssentials

/// A field of the API that changes what is allowed to whom, and that this server cannot honour. To ignore it would
/// leave its sender with less protection than asked for, so it is refused, unless it asks for what holds anyway.
package struct RefusedField: Sendable {
    /// As much of a JSON value as a decision needs.
    package enum Value: Sendable, Equatable, Decodable {
        case null
        case text(String)
        case flag(Bool)
        case number(Int)
        case object([String])
        case other

        package init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let flag = try? container.decode(Bool.self) {
                self = .flag(flag)
            } else if let number = try? container.decode(Int.self) {
                self = .number(number)
            } else if let object = try? container.decode([String: Ignored].self) {
                self = .object(object.keys.sorted())
            } else {
                self = .other
            }
        }
    }

    private struct Ignored: Decodable { init(from decoder: any Decoder) {} }

    private let name: String
    private let sentence: String
    /// Values that say what holds anyway.
    private let harmless: [Value]

    private init(_ name: String, _ sentence: String = "is not supported", unless harmless: Value...) {
        self.name = name
        self.sentence = sentence
        self.harmless = harmless
    }

    /// - Throws: `KMSError` 400 for the first field that asks for more than there is. What is no JSON object passes.
    static func check(_ body: Data, _ fields: [RefusedField]) throws(KMSError) {
        guard !fields.isEmpty, let values = try? JSONDecoder().decode([String: Value].self, from: body) else { return }
        for field in fields {
            guard let value = values[field.name], value != .null, !field.harmless.contains(value) else { continue }
            throw .badRequest("Field \"\(field.name)\" \(field.sentence)")
        }
    }

    static var ofApps: [RefusedField] { [RefusedField("oauth_config"), RefusedField("expires_at")] }

    static var ofAccounts: [RefusedField] {
        [
            RefusedField("approval_policy"), RefusedField("cryptographic_policy"), RefusedField("key_metadata_policy"),
            RefusedField("auth_config"), RefusedField("logging_configs"),
        ]
    }

    static var ofGroups: [RefusedField] {
        [
            RefusedField("cryptographic_policy"), RefusedField("key_metadata_policy"),
            RefusedField("key_history_policy"), RefusedField("hmg"),
        ]
    }

    static var ofObjects: [RefusedField] {
        [
            RefusedField("rotation_policy"), RefusedField("export_policy"),
            RefusedField("allow_sign_hash", "cannot be switched off", unless: .flag(true)),
            RefusedField("deterministic_signatures", unless: .flag(false)),
            RefusedField("publish_public_key"),
        ]
    }

    static var ofPlugins: [RefusedField] {
        [RefusedField("signature", "is not supported: nobody checks it; leave the field out")]
    }

    static var ofCheckValues: [RefusedField] { [RefusedField("kcv_method")] }
}

internal import KMSModel

/// `client_configurations` (reference, section 8): sections of settings for programs that use the KMS.
struct ClientConfigurations: Decodable, Sendable {
    /// nil: the request says nothing about them.
    var value: JSONValue?

    private enum CodingKeys: String, CodingKey { case value = "client_configurations" }

    static var sections: [String] { ["common", "pkcs11", "kmip", "tep"] }

    /// - Throws: 400 for anything but known sections of settings.
    func check() throws(KMSError) {
        guard let value else { return }
        guard case .object(let sections) = value else {
            throw .badRequest("Field \"client_configurations\" must be an object of sections")
        }
        for (name, section) in sections {
            guard ClientConfigurations.sections.contains(name) else {
                throw .badRequest(
                    "Field \"client_configurations\": there is no section \(name.prefix(64).quoted); known: "
                        + ClientConfigurations.sections.joined(separator: " "))
            }
            switch section {
            case .object, .null: break
            default: throw .badRequest("Field \"client_configurations.\(name)\" must be an object")
            }
        }
    }

    /// One over the other: the fields of objects one by one, anything else as a whole. null says nothing.
    static func merge(_ weak: JSONValue, _ strong: JSONValue) -> JSONValue {
        switch (weak, strong) {
        case (_, .null): weak
        case (.object(let below), .object(let above)): .object(below.merging(above) { merge($0, $1) })
        default: strong
        }
    }
}

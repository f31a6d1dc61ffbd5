internal import KMSModel
internal import SwiftASN1
internal import X509

/// `subject_dn`: attribute types, as dotted OIDs or short names, with a string or an array of strings each.
///
/// JSON objects have no order, so the attributes are put into the usual one: from the country to the common name,
/// unknown ones last. An array makes one attribute for each of its strings, in its order.
struct SubjectName: Sendable {
    private struct Attribute: Sendable {
        var rank: Int
        var type: ASN1ObjectIdentifier
        var values: [String]
    }

    /// In order of appearance, with the largest number of characters (RFC 5280, appendix A.1).
    private static var known: [(names: [String], type: ASN1ObjectIdentifier, limit: Int)] {
        [
            (["DC", "domainComponent"], [0, 9, 2342, 19_200_300, 100, 1, 25], 63),
            (["C", "countryName"], [2, 5, 4, 6], 2),
            (["ST", "S", "stateOrProvinceName"], [2, 5, 4, 8], 128),
            (["L", "localityName"], [2, 5, 4, 7], 128),
            (["postalCode"], [2, 5, 4, 17], 40),
            (["STREET", "streetAddress"], [2, 5, 4, 9], 128),
            (["O", "organizationName"], [2, 5, 4, 10], 64),
            (["organizationIdentifier"], [2, 5, 4, 97], 256),
            (["OU", "organizationalUnitName"], [2, 5, 4, 11], 64),
            (["title"], [2, 5, 4, 12], 64),
            (["SN", "surname"], [2, 5, 4, 4], 64),
            (["GN", "givenName"], [2, 5, 4, 42], 64),
            (["initials"], [2, 5, 4, 43], 64),
            (["generationQualifier"], [2, 5, 4, 44], 64),
            (["pseudonym"], [2, 5, 4, 65], 128),
            (["dnQualifier"], [2, 5, 4, 46], 64),
            (["serialNumber"], [2, 5, 4, 5], 64),
            (["UID", "userId"], [0, 9, 2342, 19_200_300, 100, 1, 1], 256),
            (["name"], [2, 5, 4, 41], 64),
            (["CN", "commonName"], [2, 5, 4, 3], 64),
            (["emailAddress", "E"], [1, 2, 840, 113_549, 1, 9, 1], 255),
        ]
    }

    private var attributes: [Attribute] = []

    var isEmpty: Bool { attributes.isEmpty }

    init(_ value: JSONValue) throws(KMSError) {
        guard case .object(let fields) = value else {
            throw .badRequest("Field \"subject_dn\" must be an object, such as {\"CN\": \"www.example.com\"}")
        }
        for (name, value) in fields {
            let field = "subject_dn.\(name.prefix(64))"
            let values = try X509CARequest.texts(value, field)
            let (rank, type, limit) = try SubjectName.type(name)
            for value in values { try SubjectName.check(value, limit, field) }
            attributes.append(Attribute(rank: rank, type: type, values: values))
        }
        attributes.removeAll { $0.values.isEmpty }
        guard Set(attributes.map(\.type)).count == attributes.count else {
            throw .badRequest("Field \"subject_dn\" names an attribute twice; give it once, with an array of strings")
        }
        guard attributes.reduce(0, { $0 + $1.values.count }) <= 100 else {
            throw .badRequest("Field \"subject_dn\" has more than 100 values")
        }
        attributes.sort { ($0.rank, $0.type.description) < ($1.rank, $1.type.description) }
    }

    /// All values as UTF8String, as the vendor's plugin has it.
    var name: DistinguishedName {
        DistinguishedName(
            attributes.flatMap { attribute in
                attribute.values.map { RelativeDistinguishedName(.init(type: attribute.type, utf8String: $0)) }
            })
    }

    private static func type(_ name: String) throws(KMSError) -> (rank: Int, ASN1ObjectIdentifier, limit: Int) {
        let known = known
        let wanted = name.lowercased()
        if let rank = known.firstIndex(where: { $0.names.contains { $0.lowercased() == wanted } }) {
            return (rank, known[rank].type, known[rank].limit)
        }
        guard let type = ASN1ObjectIdentifier(untrusted: name) else {
            throw .badRequest(
                "Field \"subject_dn\": \(name.prefix(64).quoted) is neither a known short name (such as CN, O, OU, C) "
                    + "nor a dotted object identifier (such as 2.5.4.3)")
        }
        if let rank = known.firstIndex(where: { $0.type == type }) { return (rank, type, known[rank].limit) }
        return (known.count, type, 1024)
    }

    private static func check(_ value: String, _ limit: Int, _ field: String) throws(KMSError) {
        guard !value.isEmpty, !value.unicodeScalars.contains(where: FieldRules.isDeceptive) else {
            throw .badRequest("Field \"\(field)\" is empty or contains a control character")
        }
        guard value.unicodeScalars.count <= limit else {
            throw .badRequest(
                "Field \"\(field)\" has \(value.unicodeScalars.count) characters; X.509 allows \(limit) here")
        }
    }
}

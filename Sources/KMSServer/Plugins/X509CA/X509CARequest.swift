internal import FoundationEssentials
internal import KMSModel
internal import KMSSupport

/// The input of x509-ca, read from its JSON. The sentences about missing fields are those of the vendor's plugin.
struct X509CARequest: Sendable {
    var subject: SubjectName
    var subjectKey: SobjectDescriptor
    var issuerKey: SobjectDescriptor
    var issuerCertificate: SobjectDescriptor
    /// In seconds.
    var lifetime: Int
    var digest: HashAlgorithm?
    var names: AlternativeNames
    /// nil: what suits the subject's key.
    var keyUsage: [KeyUsageName]?
    var extendedKeyUsage: [String]

    init(_ input: JSONValue?) throws(KMSError) {
        guard case .object(let fields)? = input else { throw .badRequest("invalid input") }
        let given = fields.filter { !$0.value.isNull }
        guard let subject = given["subject_dn"] else { throw .badRequest("must provide subject DN") }
        guard let subjectKey = given["subject_key"] else { throw .badRequest("must specify subject key") }
        guard let issuerKey = given["issuer_key"] else { throw .badRequest("must specify issuing key") }
        guard let issuerCertificate = given["issuer_cert"] else { throw .badRequest("must specify issuing cert") }
        guard let lifetime = given["cert_lifetime"] else {
            throw .badRequest("must specify certificate lifetime")
        }
        self.subject = try SubjectName(subject)
        self.subjectKey = try X509CARequest.descriptor(subjectKey, "subject_key")
        self.issuerKey = try X509CARequest.descriptor(issuerKey, "issuer_key")
        self.issuerCertificate = try X509CARequest.descriptor(issuerCertificate, "issuer_cert")
        self.lifetime = try X509CARequest.seconds(lifetime)
        digest = try X509CARequest.digest(given["digest"])
        names = try AlternativeNames(
            dnsNames: try X509CARequest.texts(given["dns_names"], "dns_names"),
            addresses: try X509CARequest.texts(given["ip_addresses"], "ip_addresses"))
        keyUsage = try X509CARequest.keyUsage(given["key_usage"])
        extendedKeyUsage = try X509CARequest.texts(given["extended_key_usage"], "extended_key_usage")
        guard !self.subject.isEmpty || !names.isEmpty else {
            throw .badRequest("Field \"subject_dn\" is empty and there are no \"dns_names\" or \"ip_addresses\" either")
        }
    }

    /// An object's name; or, for keys that have none, how other requests name objects: `{"transient_key": …}`.
    private static func descriptor(_ value: JSONValue, _ field: String) throws(KMSError) -> SobjectDescriptor {
        switch value {
        case .text(let name):
            return SobjectDescriptor(name: name)
        case .object(let fields) where fields.count == 1:
            switch fields.first {
            case ("name", .text(let name))?: return SobjectDescriptor(name: name)
            case ("kid", .text(let kid))?: return SobjectDescriptor(kid: kid)
            case ("transient_key", .text(let text))?:
                if let blob = Base64.decode(text) { return SobjectDescriptor(transientKey: Data(blob)) }
            default: break
            }
        default: break
        }
        throw .badRequest(
            "Field \"\(field)\" must be the name of an object, or an object with one of \"name\", \"kid\" and "
                + "\"transient_key\" (base64)")
    }

    private static func seconds(_ value: JSONValue) throws(KMSError) -> Int {
        guard case .integer(let seconds) = value, seconds > 0 else {
            throw .badRequest("Field \"cert_lifetime\" must be a whole number of seconds, 1 or more")
        }
        return seconds
    }

    private static func digest(_ value: JSONValue?) throws(KMSError) -> HashAlgorithm? {
        guard let value else { return nil }
        guard case .text(let text) = value, let digest = HashAlgorithm(wire: text),
            [.sha256, .sha384, .sha512].contains(digest)
        else { throw .badRequest("Field \"digest\" must be one of SHA256, SHA384, SHA512") }
        return digest
    }

    private static func keyUsage(_ value: JSONValue?) throws(KMSError) -> [KeyUsageName]? {
        guard let value else { return nil }
        var usages: [KeyUsageName] = []
        for text in try texts(value, "key_usage") {
            guard let usage = KeyUsageName(wire: text) else {
                let known = KeyUsageName.allCases.map(\.rawValue).joined(separator: ", ")
                throw .badRequest("Field \"key_usage\": \(text.prefix(64).quoted) is none of \(known)")
            }
            usages.append(usage)
        }
        guard !usages.isEmpty else {
            throw .badRequest("Field \"key_usage\" is empty; leave it out for what suits the key")
        }
        return usages
    }

    /// Strings, or one string alone; absent: none.
    static func texts(_ value: JSONValue?, _ field: String) throws(KMSError) -> [String] {
        switch value {
        case nil: return []
        case .text(let text)?: return [text]
        case .array(let items)?:
            guard items.count <= 100 else {
                throw .badRequest("Field \"\(field)\" has \(items.count) entries; 100 are possible")
            }
            var texts: [String] = []
            for item in items {
                guard case .text(let text) = item else { break }
                texts.append(text)
            }
            if texts.count == items.count { return texts }
        default: break
        }
        throw .badRequest("Field \"\(field)\" must be a string or an array of strings")
    }
}

extension JSONValue {
    fileprivate var isNull: Bool {
        if case .null = self { return true }
        return false
    }
}

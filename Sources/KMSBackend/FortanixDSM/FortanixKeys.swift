internal import FoundationEssentials
internal import KMSModel
package import KMSSupport
internal import KMSTransport

extension FortanixDSM {
    /// GET /crypto/v1/keys. What has a label or an id is one request, unless there is no such object.
    package func listKeys(
        matching query: KeyQuery, page: PageToken?, deadline: Deadline
    ) throws(BackendError) -> KeyPage {
        if let id = query.storedID {
            let filter = "&pkcs11_id=" + PercentCoding.encode(Data(id).base64EncodedString().utf8)
            return try listPage(filter, page: page, deadline: deadline)
        }
        guard let label = query.label else { return try listPage("", page: page, deadline: deadline) }
        var found = try listPage(
            "&pkcs11_label=" + PercentCoding.encode(label.utf8), page: page, deadline: deadline)
        guard page == nil, found.next == nil, !found.keys.contains(where: { $0.label == Array(label.utf8) }) else {
            return found
        }
        // How a version of the API understands that parameter is written nowhere. Before the answer is no, it is asked
        // in words that are.
        for filter in FortanixDSM.filters(of: label) {
            var next: PageToken?
            repeat {
                let more = try listPage(filter, page: next, deadline: deadline)
                found.keys += more.keys
                next = more.next
            } while next != nil
        }
        return found
    }

    /// The objects of that name, and those that keep the label in their metadata, where they keep it percent-coded.
    private static func filters(of label: String) -> [String] {
        var filters: [String] = []
        if FortanixName.isPossible(label) { filters.append("&name=" + PercentCoding.encode(label.utf8)) }
        let coded = PercentCoding.encode(label.utf8)
        guard coded != label else { return filters }
        return filters + ["&custom_metadata.\(PercentCoding.labelKey)=" + PercentCoding.encode(coded.utf8)]
    }

    /// In the order of `kid`, so that a page can begin after the last key of the one before.
    private func listPage(_ filter: String, page: PageToken?, deadline: Deadline) throws(BackendError) -> KeyPage {
        var path = "/crypto/v1/keys?limit=\(FortanixDSM.pageSize)&sort=kid:asc&show_pub_key=true" + filter
        if let page { path += "&start=" + PercentCoding.encode(page.text.utf8) }
        var request = HTTPRequest(.get, path)
        let response = try session.perform(&request, doing: "list keys", deadline: deadline)
        let entries = try FortanixJSON.decode(FortanixKeyList.self, response, doing: "list keys").entries
        if let page, let first = entries.first?.kid, first.lowercased() <= page.text.lowercased() {
            Log.warning("the KMS ignores where a page begins; only the first page of its keys is used")
            return KeyPage(keys: [], next: nil)
        }
        var keys: [KeyDescription] = []
        keys.reserveCapacity(entries.count)
        for entry in entries {
            switch entry {
            case .unreadable(let kid, let reason):
                Log.warning("key \(kid ?? "without kid") is left out: \(reason)")
            case .readable(let sobject):
                // A transient key has no kid; it is nobody's to list.
                guard let kid = sobject.kid else { continue }
                let value = try certificate(sobject, kid: kid, deadline: deadline)
                keys.append(KeyDescription(sobject, id: KeyID(kid), certificate: value))
            }
        }
        // A listing ends with an empty page: a KMS may allow less per page than asked for. So few that the KMS has looked
        // for are all there are.
        let isEnd = !filter.isEmpty && entries.count < FortanixDSM.smallestPage
        return KeyPage(keys: keys, next: isEnd ? nil : entries.last?.kid.map { PageToken($0) })
    }

    /// The API's own default, and its maximum.
    private static var pageSize: Int { 1_000 }

    /// No KMS allows less per page.
    private static var smallestPage: Int { 100 }

    /// Some versions list certificates without their value; then it is asked for one by one.
    private func certificate(_ sobject: Sobject, kid: String, deadline: Deadline) throws(BackendError) -> Data? {
        guard sobject.objType == .certificate, sobject.value == nil else { return sobject.value }
        let call = FortanixCall(path: "/crypto/v1/keys/info?show_value=true", doing: "get certificate \(kid)")
        do throws(BackendError) {
            return try session.call(call, SobjectDescriptor(kid: kid), as: Sobject.self, deadline: deadline).value
        } catch {
            switch error.kind {
            case .unauthenticated, .unavailable, .timedOut, .throttled: throw error
            case .forbidden, .notFound, .conflict, .invalid, .tooLong, .protocolViolation, .unsupported:
                Log.warning(error.message)
                return nil
            }
        }
    }

    /// POST /crypto/v1/keys/info.
    package func describe(_ key: KeyID, deadline: Deadline) throws(BackendError) -> KeyDescription {
        let sobject = try sobject(key, doing: "describe \(key)", deadline: deadline)
        let value =
            key.kind == .stored ? try certificate(sobject, kid: key.text, deadline: deadline) : sobject.value
        return KeyDescription(sobject, id: key, certificate: value)
    }

    func sobject(_ key: KeyID, doing: String, deadline: Deadline) throws(BackendError) -> Sobject {
        let call = FortanixCall(path: "/crypto/v1/keys/info?show_pub_key=true", doing: doing)
        let descriptor = try SobjectDescriptor(key, doing: doing)
        let sobject = try session.call(call, descriptor, as: Sobject.self, deadline: deadline)
        try key.check(sobject.kid, doing: doing)
        return sobject
    }
}

/// A list answer: an array, or an object with `items`. Entries that cannot be read do not spoil the others.
struct FortanixKeyList: Decodable {
    enum Entry: Decodable {
        case readable(Sobject)
        case unreadable(kid: String?, reason: String)

        private struct Identity: Decodable { var kid: String? }

        var kid: String? {
            switch self {
            case .readable(let sobject): sobject.kid
            case .unreadable(let kid, _): kid
            }
        }

        init(from decoder: any Decoder) throws {
            do {
                self = .readable(try Sobject(from: decoder))
            } catch {
                let kid = try? Identity(from: decoder).kid
                self = .unreadable(kid: kid, reason: FortanixJSON.describe(error))
            }
        }
    }

    private enum CodingKeys: String, CodingKey { case items }

    let entries: [Entry]

    init(from decoder: any Decoder) throws {
        if let container = try? decoder.container(keyedBy: CodingKeys.self) {
            entries = try container.decode([Entry].self, forKey: .items)
        } else {
            entries = try decoder.singleValueContainer().decode([Entry].self)
        }
    }
}

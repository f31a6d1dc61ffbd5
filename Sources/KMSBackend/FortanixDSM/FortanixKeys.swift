internal import FoundationEssentials
internal import KMSModel
package import KMSSupport
internal import KMSTransport

extension FortanixDSM {
    /// GET /crypto/v1/keys, in the order of `kid`, so that a page can begin after the last key of the one before.
    package func listKeys(
        matching query: KeyQuery, page: PageToken?, deadline: Deadline
    ) throws(BackendError) -> KeyPage {
        var path = "/crypto/v1/keys?limit=\(FortanixDSM.pageSize)&sort=kid:asc&show_pub_key=true"
        if let name = query.name { path += "&name=" + PercentCoding.encode(name.utf8) }
        if let page { path += "&start=" + PercentCoding.encode(page.text.utf8) }
        let response = try session.perform(HTTPRequest(.get, path), doing: "list keys", deadline: deadline)
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
                keys.append(KeyDescription(sobject, kid: kid, certificate: value))
            }
        }
        // Names are unique, so a listing by name has one page. Any other ends with an empty page: a KMS may allow less
        // per page than asked for.
        let last = query.name == nil ? entries.last?.kid : nil
        return KeyPage(keys: keys, next: last.map { PageToken($0) })
    }

    /// The API's own default, and its maximum.
    private static var pageSize: Int { 1_000 }

    /// Some versions list certificates without their value; then it is asked for one by one.
    private func certificate(_ sobject: Sobject, kid: String, deadline: Deadline) throws(BackendError) -> Data? {
        guard sobject.objType == .certificate, sobject.value == nil else { return sobject.value }
        let doing = "get certificate \(kid)"
        do throws(BackendError) {
            let body = try FortanixJSON.encode(SobjectDescriptor(kid: kid))
            let response = try session.perform(
                HTTPRequest(.post, "/crypto/v1/keys/info?show_value=true", body: body), doing: doing, deadline: deadline
            )
            return try FortanixJSON.decode(Sobject.self, response, doing: doing).value
        } catch {
            switch error.kind {
            case .unauthenticated, .unavailable, .timedOut, .throttled: throw error
            case .forbidden, .notFound, .conflict, .invalid, .protocolViolation, .unsupported:
                Log.warning(error.message)
                return nil
            }
        }
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

extension KeyDescription {
    /// - Parameter certificate: the value, where it had to be fetched.
    init(_ sobject: Sobject, kid: String, certificate: Data?) {
        self.init(
            id: KeyID(kid), name: sobject.name ?? "", type: sobject.objType, operations: sobject.keyOps)
        bits = sobject.keySize ?? sobject.rsa?.keySize ?? sobject.ellipticCurve?.bits
        curve = sobject.ellipticCurve
        isUsable = sobject.enabled && (sobject.state ?? .active) == .active
        isPublicOnly = sobject.publicOnly
        isNeverExportable = sobject.neverExportable ?? !sobject.keyOps.contains(.export)
        isLocal = sobject.origin == .fortanixHSM
        publicKey = sobject.pubKey.map { Array($0) }
        // Key material, should a KMS list it, is not kept.
        if sobject.objType == .certificate || sobject.objType == .opaque { value = certificate.map { Array($0) } }
        pkcs11ID = sobject.customMetadata?[PercentCoding.metadataKey].flatMap { PercentCoding.decode($0) }
        startSeconds = sobject.activationDate?.seconds
        endSeconds = sobject.deactivationDate?.seconds
    }
}

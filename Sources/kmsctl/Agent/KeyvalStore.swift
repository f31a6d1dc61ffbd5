import FoundationEssentials
import KMSSupport
import KMSTransport

/// A key-value zone of NGINX Plus: host name to key and certificates, in NGINX's shared memory.
final class KeyvalStore: EntryStore {
    let name: String
    private let api: NginxAPI
    /// `/9/http/keyvals/zone`, of the version that NGINX has.
    private var path = ""

    init(zone: String, api: NginxAPI) {
        name = zone
        self.api = api
    }

    func open() throws {
        let response = try api.send(.get, "/")
        guard response.status == 200 else { throw api.failure(response, doing: "asking for the API's versions") }
        guard let versions = try? JSONDecoder().decode([Int].self, from: Data(response.body)),
            let newest = versions.max(), newest > 0
        else {
            throw AgentFailure(
                .protocolError, "\(api.address) does not answer with the versions of NGINX Plus's API",
                remedy: "Check --nginx: it is the address of the server with `location /api { api write=on; … }`.")
        }
        path = "/\(newest)/http/keyvals/\(AdminClient.escaped(name))"
    }

    func held(_ host: String) throws -> Secret? {
        var response = try api.send(.get, "\(path)?key=\(AdminClient.escaped(host))")
        defer { response.body.withUnsafeMutableBytes { Secret.wipe($0) } }
        if response.status == 404, NginxAPI.problem(response)?.code == "KeyvalKeyNotFound" { return nil }
        guard response.status == 200 else { throw api.failure(response, doing: "reading zone \"\(name)\"") }
        guard let values = try? JSONDecoder().decode([String: String].self, from: Data(response.body)) else {
            throw AgentFailure(.protocolError, "reading zone \"\(name)\": the answer is not a set of keys and values")
        }
        // NGINX compares keys without regard to case.
        return values.first { $0.key.lowercased() == host }.map { Secret($0.value) }
    }

    /// POST makes an entry and PATCH changes one; between the two another agent may have made or removed it.
    func put(_ entry: TLSEntry) throws {
        let body = Self.json(entry.host, entry.pem)
        for _ in 0..<3 {
            let added = try api.send(.post, path, body: body)
            if added.status == 201 { return }
            guard added.status == 409 else { throw api.failure(added, doing: "adding to zone \"\(name)\"") }
            let changed = try api.send(.patch, path, body: body)
            if changed.status == 204 { return }
            guard changed.status == 404, NginxAPI.problem(changed)?.code == "KeyvalKeyNotFound" else {
                throw api.failure(changed, doing: "changing zone \"\(name)\"")
            }
        }
        throw AgentFailure(
            .temporary, "zone \"\(name)\": another agent makes and removes this entry all the time",
            remedy: "Let one agent have the host.")
    }

    func remove(_ host: String) throws {
        let response = try api.send(.patch, path, body: Secret("{\"\(host)\":null}"))
        if response.status == 404, NginxAPI.problem(response)?.code == "KeyvalKeyNotFound" { return }
        guard response.status == 204 else { throw api.failure(response, doing: "removing from zone \"\(name)\"") }
    }

    func commit() {}

    /// Written here and not by an encoder, which would leave copies of the key behind. Neither host names nor PEM hold
    /// anything that JSON wants escaped but line feeds.
    private static func json(_ host: String, _ pem: Secret) -> Secret {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(host.utf8.count + pem.count * 2 + 8)
        bytes += Array("{\"\(host)\":\"".utf8)
        pem.withBytes { text in
            for byte in text {
                if byte == UInt8(ascii: "\n") {
                    bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
                } else {
                    bytes.append(byte)
                }
            }
        }
        bytes += Array("\"}".utf8)
        return Secret(copying: &bytes)
    }
}

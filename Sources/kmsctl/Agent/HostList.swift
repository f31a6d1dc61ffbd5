import KMSConfiguration

/// A host and the names of its objects in the KMS.
struct HostObjects {
    var host: String
    var key: String
    var certificate: String
    /// Objects with the certificates between the host's own and the root, in this order.
    var chain: [String] = []
}

/// The file of `--hosts-file`: TOML with a `[[host]]` table for each.
enum HostList {
    static func read(_ path: String) throws -> [HostObjects] {
        let file = try InputFile.read(path, what: "the list of hosts")
        let root: ConfigurationDocument.Table
        do {
            root = try ConfigurationDocument(file.bytes).root
        } catch {
            throw failure(path, error.line, error.reason)
        }
        if let other = root.entries.first(where: { $0.key != "host" }) {
            throw failure(path, other.line, "\"\(other.key)\" is unknown; there are only [[host]] tables")
        }
        guard case .tables(let tables)? = root["host"]?.value, !tables.isEmpty else {
            throw failure(path, root["host"]?.line ?? 0, "there is no [[host]] table")
        }
        var hosts: [HostObjects] = []
        for table in tables {
            let host = try host(table, path)
            guard !hosts.contains(where: { $0.host == host.host }) else {
                throw failure(path, table.line, "\(host.host) comes twice")
            }
            hosts.append(host)
        }
        return hosts
    }

    private static func host(_ table: ConfigurationDocument.Table, _ path: String) throws -> HostObjects {
        func text(_ key: String) throws -> String {
            guard let entry = table[key] else { throw failure(path, table.line, "the host has no \"\(key)\"") }
            guard case .text(let text) = entry.value else {
                throw failure(path, entry.line, "\"\(key)\" must be a string")
            }
            guard !text.isEmpty else { throw failure(path, entry.line, "\"\(key)\" is empty") }
            return text
        }
        let known = ["name", "key", "certificate", "chain"]
        if let other = table.entries.first(where: { !known.contains($0.key) }) {
            throw failure(path, other.line, "\"\(other.key)\" is none of \(known.joined(separator: ", "))")
        }
        let name = try text("name")
        guard let host = HostName.parse(name) else {
            throw failure(path, table["name"]?.line ?? 0, "\"\(name)\" is no host name")
        }
        var objects = HostObjects(host: host, key: try text("key"), certificate: try text("certificate"))
        switch table["chain"]?.value {
        case nil: break
        case .texts(let names)?: objects.chain = names
        default: throw failure(path, table["chain"]?.line ?? 0, "\"chain\" must be an array of strings")
        }
        return objects
    }

    private static func failure(_ path: String, _ line: Int, _ reason: String) -> AgentFailure {
        AgentFailure(
            .configuration, (line > 0 ? "\(path):\(line): " : "\(path): ") + reason,
            remedy: "kmsctl-agent(1) shows such a file.")
    }
}

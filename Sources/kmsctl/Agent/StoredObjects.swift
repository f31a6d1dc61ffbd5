import FoundationEssentials
import KMSModel
import KMSSupport
import OpenSSLCrypto

/// Keys and certificates of the KMS as agents need them.
extension AdminClient {
    /// A security object that may be used.
    ///
    /// - Throws: an absence when it is not to be seen, disabled, or at the end of its life.
    func usableObject(_ name: String) throws -> Sobject {
        let object: Sobject
        do {
            object = try key(name)
        } catch let failure as CommandFailure where failure.code == .notFound {
            throw AgentFailure.absent(
                .unseen(name), "the KMS has no object \"\(name)\", or the app may not see it")
        }
        let state = object.state ?? .active
        switch state {
        case .active: break
        case .preActive:
            throw AgentFailure(.data, "\"\(name)\" is not active yet", remedy: "Activate it, or wait for its date.")
        case .deactivated, .compromised, .destroyed, .deleted:
            throw AgentFailure.absent(.ended(name), "\"\(name)\" is in state \(state.rawValue)")
        }
        guard object.enabled else { throw AgentFailure.absent(.ended(name), "\"\(name)\" is disabled") }
        return object
    }

    /// The certificates of an object: one of type CERTIFICATE is one, any other may hold a chain as PEM.
    func certificates(_ object: Sobject, _ name: String, _ context: LibraryContext) throws -> [Certificate] {
        var bytes: [UInt8]
        if object.objType == .certificate, let value = object.value {
            bytes = Array(value)
        } else if object.objType == .opaque || object.objType == .secret {
            bytes = try export(object.descriptor(name)).withBytes { Array($0) }
        } else {
            throw AgentFailure(
                .data, "\"\(name)\" is no certificate but \(object.objType.rawValue)",
                remedy: "Bring the certificate in: kmsctl cert import.")
        }
        let secret = Secret(copying: &bytes)
        let blocks: [[UInt8]]
        do {
            blocks = try PEM.contents(of: "CERTIFICATE", secret, in: context)
        } catch {
            throw AgentFailure(
                .data, "\"\(name)\" is no whole chain: \(error)",
                remedy: "Bring it in again: nothing but certificates, each from BEGIN to END.")
        }
        let contents = blocks.isEmpty ? [secret.withBytes { Array($0) }] : blocks
        do {
            return try contents.map { try Certificate(der: $0, in: context) }
        } catch let error as CryptoError {
            throw AgentFailure(.data, "\"\(name)\": \(error)", remedy: "Bring it in again as an X.509 certificate.")
        }
    }

    /// Whether the app sees any object of this group at all.
    func sees(group: String?) throws -> Bool {
        let filter = group.map { "group_id=\(Self.escaped($0))&" } ?? ""
        let objects = try get(
            "/crypto/v1/keys?\(filter)limit=1&offset=0", doing: "listing the keys", as: [Sobject].self)
        return objects.contains { group == nil || $0.groupID == group }
    }

    /// A private key, out of the KMS.
    func exportKey(_ descriptor: SobjectDescriptor, _ context: LibraryContext) throws -> PrivateKey {
        do {
            return try PrivateKey(der: try export(descriptor), in: context)
        } catch let error as CryptoError {
            throw AgentFailure(.data, "the exported key cannot be used: \(error)")
        }
    }

    /// Key material. Our copies of it are zeroed, but for those that the JSON decoder makes.
    private func export(_ descriptor: SobjectDescriptor) throws -> Secret {
        let doing = "exporting the key"
        var answer = try sendRaw(
            .post, "/crypto/v1/keys/export", body: Array(try JSONEncoder().encode(descriptor)), doing: doing)
        defer { answer.withUnsafeMutableBytes { Secret.wipe($0) } }
        var data = Data(answer)
        defer { data.withUnsafeMutableBytes { Secret.wipe($0) } }
        guard var value = (try? JSONDecoder().decode(Sobject.self, from: data))?.value else {
            throw CommandFailure.unintelligible(doing, target)
        }
        defer { value.withUnsafeMutableBytes { Secret.wipe($0) } }
        return value.withUnsafeBytes { Secret($0) }
    }
}

extension Sobject {
    func descriptor(_ name: String) -> SobjectDescriptor { kid.map { SobjectDescriptor(kid: $0) } ?? .init(name: name) }
}

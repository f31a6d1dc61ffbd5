import ArgumentParser
import FoundationEssentials
import KMSModel
import OpenSSLCrypto

/// A key that the KMS makes and has no copy of afterwards.
enum EphemeralKey {
    enum KeyType: String, ExpressibleByArgument, CaseIterable {
        /// 2048 bits.
        case rsa
        /// P-256.
        case ec
    }

    /// Seconds after which a stored key cannot be used any more, should this process be killed before it deletes it: far
    /// more than issuing and exporting take, and little for whoever finds it.
    private static let longestUse: Int64 = 600
    /// By which leftovers are known.
    private static let purpose = "TLS key of an agent, to be deleted at once"

    /// Deletes stored keys that a killed agent of this app has left: of their name, their description, and past their use.
    static func deleteLeftovers(_ client: AdminClient) throws {
        let limit = Timestamp(seconds: Timestamp.now.seconds - longestUse)
        for object in try client.keys() where isLeftover(object, client) {
            let isOver =
                (object.deactivationDate.map { $0 <= .now } ?? false)
                || (object.createdAt.map { $0 <= limit } ?? false)
            if isOver, let kid = object.kid { try delete(kid, client) }
        }
    }

    /// HOST-UUID, made by this app.
    private static func isLeftover(_ object: Sobject, _ client: AdminClient) -> Bool {
        guard object.description == purpose, let name = object.name, name.utf8.count > 37,
            UUID(uuidString: String(name.suffix(36))) != nil, HostName.parse(String(name.dropLast(37))) != nil,
            name.dropLast(36).last == "-"
        else { return false }
        return switch client.identity {
        case .app: object.creator?.app != nil && object.creator?.app == client.appID
        case .user(_, let id): object.creator?.user != nil && object.creator?.user == id
        case .nobody: false
        }
    }

    /// Makes a key, lets `issue` have a certificate made for it, and takes the key out of the KMS.
    ///
    /// A transient key is nowhere but in our hands from the beginning. Where the KMS or its plugin has none, a stored
    /// key is made and deleted, in any case.
    static func withKey(
        _ type: KeyType, host: String, storesKey: Bool, _ client: AdminClient, _ context: LibraryContext,
        issue: (JSONValue) throws -> String
    ) throws -> (key: PrivateKey, answer: String) {
        if !storesKey {
            do {
                let descriptor = try makeTransient(type, client)
                guard let blob = descriptor.transientKey else { throw AgentFailure(.protocolError, "no transient key") }
                let answer = try issue(.object(["transient_key": .text(blob.base64EncodedString())]))
                return (try client.exportKey(descriptor, context), answer)
            } catch let failure as CommandFailure where failure.code == .refused && !failure.isUnintelligible {
                // Perhaps because it is transient; if not, the stored key is refused as well, and says why.
            }
        }
        let name = "\(host)-\(UUID().uuidString.lowercased())"
        let kid = try makeStored(type, name: name, client)
        do {
            let answer = try issue(.text(name))
            let key = try client.exportKey(SobjectDescriptor(kid: kid), context)
            try delete(kid, client)
            return (key, answer)
        } catch {
            do {
                try delete(kid, client)
            } catch let second {
                throw AgentFailure(error).leaving(name, after: second)
            }
            throw error
        }
    }

    private static func makeTransient(_ type: KeyType, _ client: AdminClient) throws -> SobjectDescriptor {
        var request = request(type, [.sign, .verify, .export])
        request.transient = true
        let object = try client.send(
            .post, "/crypto/v1/keys", body: request, doing: "making a transient key", as: Sobject.self)
        guard let blob = object.transientKey else {
            if let kid = object.kid { try delete(kid, client) }
            throw CommandFailure(.refused, "making a transient key: the KMS made a stored one")
        }
        return SobjectDescriptor(transientKey: blob)
    }

    /// The plugin finds it by its name; APPMANAGEABLE lets an app delete it.
    private static func makeStored(_ type: KeyType, name: String, _ client: AdminClient) throws -> String {
        var request = request(type, [.sign, .verify, .export, .appManageable])
        request.name = name
        request.description = purpose
        request.deactivationDate = Timestamp(seconds: Timestamp.now.seconds + longestUse)
        request.groupID = try client.group(nil)
        let doing = "making the key \"\(name)\""
        let object = try client.send(.post, "/crypto/v1/keys", body: request, doing: doing, as: Sobject.self)
        guard let kid = object.kid else { throw CommandFailure.unintelligible(doing, client.target) }
        return kid
    }

    private static func request(_ type: KeyType, _ operations: KeyOperations) -> SobjectRequest {
        var request = SobjectRequest()
        request.keyOps = operations
        switch type {
        case .rsa:
            request.objType = .rsa
            request.keySize = 2048
        case .ec:
            request.objType = .ec
            request.ellipticCurve = .nistP256
        }
        return request
    }

    private static func delete(_ kid: String, _ client: AdminClient) throws {
        try client.send(
            .delete, "/crypto/v1/keys/\(AdminClient.escaped(kid))", doing: "deleting the key after its export")
    }
}

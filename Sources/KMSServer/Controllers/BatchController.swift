internal import FoundationEssentials
internal import GRDB
internal import HTTPTypes
internal import Hummingbird
internal import KMSModel
internal import Logging

/// POST /crypto/v1/keys/batch/{sign,verify,encrypt,decrypt,mac,macverify}: many requests of one kind in an array. The
/// answer is 200 with a status for each, in the same order.
///
/// Every item is checked against the caller's rights and recorded as if it had come alone. A batch whose JSON does not
/// fit is refused as a whole, before anything is done.
struct BatchController {
    /// Items of one batch, of either kind.
    static var limit: Int { 1000 }

    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        let signatures = SignatureController(vault: vault)
        let ciphers = CipherController(vault: vault)
        let macs = MACController(vault: vault)
        on("sign", routes, SignRequest.self) { try await signatures.sign($0, $1, $2) }
        on("verify", routes, VerifyRequest.self) { try await signatures.verify($0, $1, $2) }
        on("encrypt", routes, KeyedRequest<EncryptRequest>.self) { try await ciphers.encrypt($0.whole, $1, $2) }
        on("decrypt", routes, KeyedRequest<DecryptRequest>.self) { try await ciphers.decrypt($0.whole, $1, $2) }
        on("mac", routes, MACRequest.self) { try await macs.make($0, $1, $2) }
        on("macverify", routes, MACVerifyRequest.self) { try await macs.verify($0, $1, $2) }
    }

    private func on<Item: Decodable & Sendable, Body: Encodable & SendableMetatype>(
        _ name: String, _ routes: RouteTable, _ type: Item.Type,
        _ handler: @escaping @Sendable (Item, KMSContext, Principal) async throws -> Body
    ) {
        let path = "/crypto/v1/keys/batch/" + name
        routes.on(.post, path) { request, context, principal in
            let items = try await request.json([Item].self)
            try BatchController.checkCount(items.count)
            var results: [BatchResult<Body>] = []
            var loggedOut: KMSError?
            for item in items {
                do {
                    if let loggedOut { throw loggedOut }
                    // Those before may have taken seconds, in which rights were withdrawn.
                    let principal = try await vault.admission.principal(of: request, context)
                    let body = try await handler(item, context, principal)
                    results.append(BatchResult(status: 200, body: body, error: nil))
                } catch {
                    let error = try refusal(error, context)
                    if error.status == .unauthorized { loggedOut = error }
                    if error.status == .forbidden {
                        try await vault.audit.record(
                            AuditEvent(refusal: error, of: "POST \(path)", by: principal, context))
                    }
                    results.append(BatchResult(status: error.status.code, body: nil, error: error.message))
                }
            }
            return try .json(results)
        }
    }

    static func checkCount(_ count: Int) throws(KMSError) {
        guard count <= limit else {
            throw KMSError(.contentTooLarge, "The batch has \(count) items; \(limit) are possible")
        }
    }

    /// As the item would have been answered alone.
    private func refusal(_ error: any Error, _ context: KMSContext) throws -> KMSError {
        switch error {
        case let error as KMSError:
            return error
        case is CancellationError:
            throw error
        case let error as DatabaseError:
            // The whole server is in trouble; the request's own answer says so.
            throw error
        default:
            context.logger.error("an item of a batch failed", metadata: ["error": "\(error)"])
            return .internalError
        }
    }
}

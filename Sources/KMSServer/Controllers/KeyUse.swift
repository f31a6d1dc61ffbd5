internal import Hummingbird
package import KMSModel

/// A request to use one key, which the older path-style endpoints name in the path and the others in the body.
package protocol KeyUseRequest: Decodable, Sendable {
    var key: SobjectDescriptor? { get set }
}

extension SignRequest: KeyUseRequest {}
extension VerifyRequest: KeyUseRequest {}
extension EncryptRequest: KeyUseRequest {}
extension DecryptRequest: KeyUseRequest {}
extension CipherInitRequest: KeyUseRequest {}
extension CipherUpdateRequest: KeyUseRequest {}
extension CipherFinalRequest: KeyUseRequest {}
extension MACRequest: KeyUseRequest {}
extension MACVerifyRequest: KeyUseRequest {}

extension RouteTable {
    /// POST /crypto/v1/`name` with the key in the body, and its twin under /crypto/v1/keys/{kid}.
    func onKey<Body: KeyUseRequest, Answer: Encodable & SendableMetatype>(
        _ name: String, _ type: Body.Type,
        _ handler: @escaping @Sendable (Body, KMSContext, Principal) async throws -> Answer
    ) {
        onKey(name, read: { try await $0.json(type) }) { body, context, principal in
            try .json(try await handler(body, context, principal))
        }
    }

    /// - Parameter quick: see `RouteTable.quick`.
    func onKey<Body: KeyUseRequest>(
        _ name: String, quick: QuickHandler? = nil, read: @escaping @Sendable (Request) async throws -> Body,
        _ handler: @escaping @Sendable (Body, KMSContext, Principal) async throws -> Response
    ) {
        on(.post, "/crypto/v1/" + name, quick: quick) { request, context, principal in
            try await handler(try await read(request), context, principal)
        }
        on(.post, "/crypto/v1/keys/:kid/" + name, quick: quick) { request, context, principal in
            var body = try await read(request)
            body.key = SobjectDescriptor(kid: context.parameters.get("kid") ?? "")
            return try await handler(body, context, principal)
        }
    }
}

extension Vault {
    /// The audit record of an operation with a key.
    ///
    /// - Parameters:
    ///   - verb: as in `App "web" signed with "key"`.
    ///   - how: the algorithm.
    func recordUse(
        _ verb: String, _ object: Sobject, _ how: String, _ context: KMSContext, _ principal: Principal
    ) async throws {
        try await audit.record(use(verb, object, how, context.origin, principal))
    }

    /// The event of such a record, and the operation is counted.
    func use(
        _ verb: String, _ object: Sobject, _ how: String, _ origin: RequestOrigin, _ principal: Principal
    ) -> AuditEvent {
        metrics.operations.count(verb, how)
        let message = "\(principal.name) \(verb) \(object.quotedLabel) (\(how))"
        return AuditEvent(.cryptoOperation, message, by: principal, from: origin).about(object)
    }
}

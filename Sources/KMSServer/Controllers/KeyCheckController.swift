internal import Hummingbird
internal import KMSModel
internal import OpenSSLCrypto

/// POST /crypto/v1/keys/digest and /crypto/v1/keys/kcv: what tells one key from another without showing it.
struct KeyCheckController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.post, "/crypto/v1/keys/digest") { request, context, principal in
            try await digest(try await request.json(KeyDigestRequest.self), context, principal)
        }
        routes.on(.post, "/crypto/v1/keys/kcv") { request, _, principal in
            let descriptor = try await request.json(SobjectDescriptor.self, refusing: RefusedField.ofCheckValues)
            let object = try await vault.key(descriptor, for: .read, by: principal).object
            guard let kcv = object.kcv else {
                throw KMSError.badRequest(
                    "An object of type \(object.objType.rawValue) and this size has no key check value")
            }
            return try .json(KeyCheckValueResponse(kid: object.kid, kcv: kcv))
        }
    }

    private func digest(
        _ request: KeyDigestRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> Response {
        let value = try await vault.value(request.key, for: .digest, by: principal)
        guard !value.object.objType.isAsymmetric, let secret = value.secret else {
            throw KMSError.badRequest("Only the bytes of symmetric keys, SECRET and OPAQUE objects have a digest")
        }
        guard request.alg != .ssl3 else { throw KMSError.badRequest("Field \"alg\": SSL3 is not a digest") }
        let digest = try Digest(request.alg, in: vault.engine.context)
        try secret.withBytes { try digest.update($0) }
        try await vault.recordUse(
            "made a digest of", value.object, request.alg.rawValue, context, principal)
        return try .json(KeyDigestResponse(kid: value.object.kid, digest: .init(try digest.finish())))
    }
}

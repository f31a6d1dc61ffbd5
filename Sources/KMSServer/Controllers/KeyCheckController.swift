internal import Hummingbird
internal import KMSModel
internal import OpenSSLCrypto

/// POST /crypto/v1/keys/digest, /crypto/v1/keys/kcv and /crypto/v1/keys/kcv/verify: what tells one key from another without showing it.
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
        routes.on(.post, "/crypto/v1/keys/kcv/verify") { request, _, _ in
            let body = try await request.json(CheckValueRequest.self, refusing: RefusedField.ofCheckValues)
            return try .json(["verified": try checkValue(of: body) == body.kcv.lowercased()])
        }
    }

    /// Of a value that the caller has, and that no key here needs to have.
    private func checkValue(of request: CheckValueRequest) throws -> String {
        var wanted = SobjectRequest()
        wanted.objType = request.objType
        wanted.value = request.value
        // Anything else has none, and to read a private key takes long.
        guard [.aes, .des3].contains(request.objType),
            let kcv = try KeyMaterial.read(wanted, in: vault.engine.context).kcv
        else {
            throw KMSError.badRequest(
                "A value of type \(request.objType.rawValue) and this size has no key check value")
        }
        return kcv
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

internal import Hummingbird
internal import KMSModel

/// POST /crypto/v1/sign, /verify and /digest, with the older path-style twins under /crypto/v1/keys/{kid}.
///
/// A signature is made on the request's own task: it takes well under a millisecond for the usual keys, and Swift runs
/// these tasks on one thread per core, away from the event loops.
struct SignatureController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.post, "/crypto/v1/sign") { request, context, principal in
            try await sign(try await request.json(SignRequest.self), context, principal)
        }
        routes.on(.post, "/crypto/v1/keys/:kid/sign") { request, context, principal in
            var body = try await request.json(SignRequest.self)
            body.key = SobjectDescriptor(kid: context.parameters.get("kid") ?? "")
            return try await sign(body, context, principal)
        }
        routes.on(.post, "/crypto/v1/verify") { request, context, principal in
            try await verify(try await request.json(VerifyRequest.self), context, principal)
        }
        routes.on(.post, "/crypto/v1/keys/:kid/verify") { request, context, principal in
            var body = try await request.json(VerifyRequest.self)
            body.key = SobjectDescriptor(kid: context.parameters.get("kid") ?? "")
            return try await verify(body, context, principal)
        }
        routes.on(.post, "/crypto/v1/digest") { request, _, _ in
            let body = try await request.json(DigestRequest.self)
            guard body.alg != .ssl3 else { throw KMSError.badRequest("Field \"alg\": SSL3 is not a digest") }
            return try .json(DigestResponse(digest: .init(try vault.engine.digest(body.data, body.alg))))
        }
    }

    private func sign(_ request: SignRequest, _ context: KMSContext, _ principal: Principal) async throws -> Response {
        let key = try await vault.key(request.key, for: .sign, by: principal)
        let rules = try SignatureRules(
            key: key, hashAlg: request.hashAlg, hash: request.hash, data: request.data, mode: request.mode,
            engine: vault.engine)
        guard let privateKey = key.privateKey else {
            throw KMSError.badRequest("The object has no private key")
        }
        let signature = try privateKey.sign(digest: rules.digest, algorithm: rules.algorithm)
        try await record("signed with", key.object, rules.algorithm, context, principal)
        return try .json(SignResponse(kid: key.object.kid, signature: .init(signature)))
    }

    private func verify(_ request: VerifyRequest, _ context: KMSContext, _ principal: Principal) async throws
        -> Response
    {
        let key = try await vault.key(request.key, for: .verify, by: principal)
        let rules = try SignatureRules(
            key: key, hashAlg: request.hashAlg, hash: request.hash, data: request.data, mode: request.mode,
            engine: vault.engine)
        guard let publicKey = key.publicKey else { throw KMSError.badRequest("The object has no public key") }
        let result = try publicKey.verify(
            digest: rules.digest, signature: Array(request.signature), algorithm: rules.algorithm)
        try await record("verified a signature with", key.object, rules.algorithm, context, principal)
        return try .json(VerifyResponse(kid: key.object.kid, result: result))
    }

    private func record(
        _ verb: String, _ object: Sobject, _ algorithm: SigningAlgorithm, _ context: KMSContext, _ principal: Principal
    ) async throws {
        let message = "\(principal.name) \(verb) \((object.name ?? object.kid ?? "").quoted) (\(algorithm.label))"
        try await vault.audit.record(AuditEvent(.cryptoOperation, message, by: principal, context).about(object))
    }
}

extension SigningAlgorithm {
    /// For the audit log.
    var label: String {
        switch self {
        case .rsaPKCS1(let hash): "RSA PKCS1_V15 \(hash.rawValue)"
        case .rsaPSS(let hash, _): "RSA PSS \(hash.rawValue)"
        case .ecdsa(let hash): "ECDSA \(hash.rawValue)"
        }
    }
}

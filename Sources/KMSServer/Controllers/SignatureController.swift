internal import Hummingbird
internal import KMSModel
internal import OpenSSLCrypto

/// POST /crypto/v1/sign, /verify and /digest, with the older path-style twins under /crypto/v1/keys/{kid}.
///
/// A signature that takes longer than a change of threads is made away from the event loops.
struct SignatureController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.onKey("sign", isQuick: true, read: { try await $0.signRequest() }) { request, context, principal in
            Response(json: try await vault.audit.expecting { try await sign(request, context, principal) }.json)
        }
        routes.onKey("verify", VerifyRequest.self) { request, context, principal in
            try await verify(request, context, principal)
        }
        routes.on(.post, "/crypto/v1/digest") { request, _, _ in
            let body = try await request.json(DigestRequest.self)
            guard body.alg != .ssl3 else { throw KMSError.badRequest("Field \"alg\": SSL3 is not a digest") }
            return try .json(DigestResponse(digest: .init(try vault.engine.digest(body.data, body.alg))))
        }
    }

    func sign(_ request: SignRequest, _ context: KMSContext, _ principal: Principal) async throws -> SignResponse {
        let key = try await vault.key(request.key, for: .sign, by: principal)
        let rules = try SignatureRules(
            key: key, hashAlg: request.hashAlg, hash: request.hash, data: request.data, mode: request.mode,
            engine: vault.engine)
        guard let privateKey = key.privateKey else {
            throw KMSError.badRequest("The object has no private key")
        }
        let signature =
            try await privateKey.kind.signsQuickly
            ? privateKey.sign(rules.input, algorithm: rules.algorithm)
            : offLoop { try privateKey.sign(rules.input, algorithm: rules.algorithm) }
        try await vault.recordUse("signed with", key.object, rules.algorithm.label, context, principal)
        return SignResponse(kid: key.object.kid, signature: .init(signature))
    }

    func verify(_ request: VerifyRequest, _ context: KMSContext, _ principal: Principal) async throws -> VerifyResponse
    {
        let key = try await vault.key(request.key, for: .verify, by: principal)
        let rules = try SignatureRules(
            key: key, hashAlg: request.hashAlg, hash: request.hash, data: request.data, mode: request.mode,
            engine: vault.engine)
        guard let publicKey = key.publicKey else { throw KMSError.badRequest("The object has no public key") }
        let result = try publicKey.verify(
            rules.input, signature: Array(request.signature), algorithm: rules.algorithm)
        try await vault.recordUse("verified a signature with", key.object, rules.algorithm.label, context, principal)
        return VerifyResponse(kid: key.object.kid, result: result)
    }
}

extension KeyKind {
    /// Whether a signature takes some ten microseconds: the curves for which OpenSSL has code of their own.
    fileprivate var signsQuickly: Bool {
        switch self {
        case .ec(.nistP256), .ec(.ed25519): true
        case .ec, .rsa: false
        }
    }
}

extension SigningAlgorithm {
    /// For the audit log.
    var label: String {
        switch self {
        case .rsaPKCS1(let hash): "RSA PKCS1_V15 \(hash.rawValue)"
        case .rsaPSS(let hash, _): "RSA PSS \(hash.rawValue)"
        case .ecdsa(let hash): "ECDSA \(hash.rawValue)"
        case .eddsa: "EdDSA"
        }
    }
}

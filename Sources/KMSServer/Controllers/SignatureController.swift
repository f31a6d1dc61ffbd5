internal import Hummingbird
internal import KMSModel
internal import OpenSSLCrypto

/// POST /crypto/v1/sign, /verify and /digest, with the older path-style twins under /crypto/v1/keys/{kid}.
///
/// Signatures with known keys are made in `quickSign`, on the event loops where that takes less time than to change the
/// thread or little more.
struct SignatureController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.onKey("sign", quick: quickSign, read: { try await $0.signRequest() }) { request, context, principal in
            Response(json: try await sign(request, context, principal).json)
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
        let signing = try Signing(request, try await vault.key(request.key, for: .sign, by: principal), vault.engine)
        let answer = try signing.answer()
        try await vault.audit.record(signing.event(context.origin, principal, vault))
        return answer
    }

    private func quickSign(_ request: QuickRequest) throws -> QuickWork? {
        guard vault.audit.flush == .soon, var body = SignRequest(plain: request.body.readableBytesView) else {
            return nil
        }
        if let kid = request.kid { body.key = SobjectDescriptor(kid: kid) }
        guard let key = try vault.knownKey(body.key, for: .sign, by: request.principal) else { return nil }
        let signing = try Signing(body, key, vault.engine)
        return QuickWork(length: signing.length) { [vault, origin = request.origin, principal = request.principal] in
            guard let answer = try? signing.answer() else { return nil }
            return QuickAnswer(json: answer.json.finish(), event: signing.event(origin, principal, vault))
        }
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

/// A signature that is allowed and possible.
private struct Signing: Sendable {
    private let key: LoadedKey
    private let privateKey: PrivateKey
    private let rules: SignatureRules

    init(_ request: SignRequest, _ key: LoadedKey, _ engine: CryptoEngine) throws {
        self.key = key
        rules = try SignatureRules(
            key: key, hashAlg: request.hashAlg, hash: request.hash, data: request.data, mode: request.mode,
            engine: engine)
        guard let privateKey = key.privateKey else { throw KMSError.badRequest("The object has no private key") }
        self.privateKey = privateKey
    }

    var length: QuickWork.Length { privateKey.kind.signatureLength }

    func answer() throws -> SignResponse {
        let signature = try privateKey.sign(rules.input, algorithm: rules.algorithm)
        return SignResponse(kid: key.object.kid, signature: .init(signature))
    }

    func event(_ origin: RequestOrigin, _ principal: Principal, _ vault: Vault) -> AuditEvent {
        vault.use("signed with", key.object, rules.algorithm.label, origin, principal)
    }
}

extension KeyKind {
    /// How long a signature takes.
    fileprivate var signatureLength: QuickWork.Length {
        switch self {
        // The curves for which OpenSSL has code of their own.
        case .ec(.nistP256), .ec(.ed25519): .short
        case .rsa(let bits, _) where bits <= 2048: .middle
        case .ec, .rsa: .long
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

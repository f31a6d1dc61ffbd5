internal import Hummingbird
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

extension DeriveKeyRequest: KeyUseRequest {}

/// POST /crypto/v1/derive with its path-style twin, and /crypto/v1/agree: keys made out of other keys.
struct DerivationController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.onKey(making: "derive", DeriveKeyRequest.self) { request, context, principal in
            try await derive(request, context, principal)
        }
        routes.on(.post, "/crypto/v1/agree") { request, context, principal in
            let body = try await request.json(AgreeKeyRequest.self, refusing: RefusedField.ofObjects)
            return try .json(try await agree(body, context, principal), status: .created)
        }
    }

    private func derive(
        _ request: DeriveKeyRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> Sobject {
        let key = try await vault.key(request.key, for: .deriveKey, by: principal)
        let wanted = try Derivation.object(request.object, request.keyType)
        let crypto = vault.engine.context
        let derivation = try Derivation(request.mechanism, of: key, wanted, in: crypto)
        let maker = ObjectMaker(vault: vault)
        let draft = try await maker.draft(wanted, .derived(from: key.object), principal)
        let detail = " from \(key.object.quotedLabel) (\(derivation.label))"
        return try await maker.make(draft, "derived", context, detail: detail) {
            try KeyMaterial.read(try derivation.run(), wanted, in: crypto)
        }
    }

    private func agree(
        _ request: AgreeKeyRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> Sobject {
        guard request.mechanism.lowercased() == "diffie_hellman" else {
            throw KMSError.badRequest("Field \"mechanism\" must be diffie_hellman")
        }
        let own = try await vault.key(request.privateKey, for: .agreeKey, by: principal)
        let peer = try await vault.key(request.publicKey, for: .agreeKey, by: principal)
        var wanted = try Derivation.object(request.object, request.keyType)
        let agreement = try Agreement(own, peer, bits: wanted.keySize, type: request.keyType)
        wanted.keySize = nil
        let maker = ObjectMaker(vault: vault)
        let draft = try await maker.draft(wanted, .agreed(of: [own.object, peer.object]), principal)
        let detail = " from \(own.object.quotedLabel) and \(peer.object.quotedLabel) (\(agreement.curve.rawValue))"
        let (crypto, request) = (vault.engine.context, wanted)
        return try await maker.make(draft, "agreed on", context, detail: detail) {
            try KeyMaterial.read(try agreement.run(), request, in: crypto)
        }
    }
}

internal import Hummingbird
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

extension WrapKeyRequest: KeyUseRequest {}
extension UnwrapKeyRequest: KeyUseRequest {}

/// POST /crypto/v1/wrapkey and /unwrapkey, with their path-style twins: keys leave and enter encrypted by other keys.
struct TransportController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.onKey("wrapkey", WrapKeyRequest.self) { request, context, principal in
            try await wrap(request, context, principal)
        }
        routes.onKey(making: "unwrapkey", UnwrapKeyRequest.self) { request, context, principal in
            try await unwrap(request, context, principal)
        }
    }

    private func wrap(
        _ request: WrapKeyRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> WrapKeyResponse {
        guard request.subject == nil || request.kid == nil else {
            throw KMSError.badRequest("The fields \"subject\" and \"kid\" both name what is to be wrapped; send one")
        }
        guard let descriptor = request.subject ?? request.kid.map(SobjectDescriptor.init(kid:)) else {
            throw KMSError.badRequest("Field \"subject\" is missing: it names what is to be wrapped")
        }
        let key = try await vault.key(request.key, for: .wrapKey, by: principal)
        let subject = try await vault.value(descriptor, for: .export, by: principal)
        let cipher = try KeyCipher(.encrypt, with: key, CipherFields(request), in: vault.engine.context)
        let bytes = try KeyTransport.bytes(
            of: subject, as: request.keyFormat, for: cipher.method, in: vault.engine.context)
        let wrapped = try cipher.encrypt(bytes, field: "subject")
        try await record(subject.object, key.object, cipher.method.label, context, principal)
        return WrapKeyResponse(
            wrappedKey: .init(wrapped.cipher), iv: wrapped.iv.map { .init($0) }, tag: wrapped.tag.map { .init($0) })
    }

    /// About the key that leaves, for the groups of both.
    private func record(
        _ subject: Sobject, _ key: Sobject, _ how: String, _ context: KMSContext, _ principal: Principal
    ) async throws {
        let message = "\(principal.name) wrapped \(subject.quotedLabel) with \(key.quotedLabel) (\(how))"
        var event = AuditEvent(.cryptoOperation, message, by: principal, context).about(subject)
        event.objectID = subject.kid ?? key.kid
        event.groupIDs = Array(Set([subject.groupID, key.groupID].compactMap { $0 })).sorted()
        try await vault.audit.record(event)
    }

    private func unwrap(
        _ request: UnwrapKeyRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> Sobject {
        let key = try await vault.key(request.key, for: .unwrapKey, by: principal)
        let crypto = vault.engine.context
        let cipher = try KeyCipher(.decrypt, with: key, CipherFields(request), in: crypto)
        try KeyTransport.check(request.object.objType, for: cipher.method)
        let maker = ObjectMaker(vault: vault)
        let draft = try await maker.draft(request.object, .unwrapped(with: key.object), principal)
        let detail = " with \(key.object.quotedLabel) (\(cipher.method.label))"
        return try await maker.make(draft, "unwrapped", context, detail: detail) {
            let value = try cipher.decrypt(request.wrappedKey, field: "wrapped_key")
            return try KeyTransport.material(value, request.object, cipher.method, in: crypto)
        }
    }
}

extension CipherFields {
    fileprivate init(_ request: WrapKeyRequest) {
        self.init(
            alg: request.alg, mode: request.mode, iv: request.iv, ad: request.ad, tagLen: request.tagLen,
            label: request.label)
    }

    fileprivate init(_ request: UnwrapKeyRequest) {
        self.init(
            alg: request.alg, mode: request.mode, iv: request.iv, ad: request.ad, tag: request.tag,
            label: request.label)
    }
}

extension RouteTable {
    /// POST /crypto/v1/`name` and its path-style twin, answering 201 with a new object.
    func onKey<Body: KeyUseRequest>(
        making name: String, _ type: Body.Type,
        _ handler: @escaping @Sendable (Body, KMSContext, Principal) async throws -> Sobject
    ) {
        on(.post, "/crypto/v1/" + name) { request, context, principal in
            let body = try await request.json(type, refusing: RefusedField.ofObjects)
            return try .json(try await handler(body, context, principal), status: .created)
        }
        on(.post, "/crypto/v1/keys/:kid/" + name) { request, context, principal in
            var body = try await request.json(type, refusing: RefusedField.ofObjects)
            body.key = SobjectDescriptor(kid: context.kid)
            return try .json(try await handler(body, context, principal), status: .created)
        }
    }
}

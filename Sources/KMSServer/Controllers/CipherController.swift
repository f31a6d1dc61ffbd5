internal import FoundationEssentials
internal import Hummingbird
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// POST /crypto/v1/encrypt and /decrypt, at once and in parts, with their path-style twins.
struct CipherController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.onKey("encrypt", EncryptRequest.self) { request, context, principal in
            try await encrypt(request, context, principal)
        }
        routes.onKey("decrypt", DecryptRequest.self) { request, context, principal in
            try await decrypt(request, context, principal)
        }
        for direction in [CipherRules.Direction.encrypt, .decrypt] {
            let name = direction == .encrypt ? "encrypt" : "decrypt"
            routes.onKey(name + "/init", CipherInitRequest.self) { request, context, principal in
                try await begin(direction, request, context, principal)
            }
            routes.onKey(name + "/update", CipherUpdateRequest.self) { request, _, principal in
                try await update(direction, request, principal)
            }
            routes.onKey(name + "/final", CipherFinalRequest.self) { request, context, principal in
                try await finish(direction, request, context, principal)
            }
        }
    }

    func encrypt(
        _ request: EncryptRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> EncryptResponse {
        let key = try await vault.key(request.key, for: .encrypt, by: principal)
        let cipher = try KeyCipher(.encrypt, with: key, CipherFields(request), in: vault.engine.context)
        let result = try cipher.encrypt(Secret(request.plain), field: "plain")
        try await vault.recordUse("encrypted with", key.object, cipher.method.label, context, principal)
        return EncryptResponse(
            kid: key.object.kid, cipher: Data(result.cipher), iv: result.iv.map { Data($0) },
            tag: result.tag.map { Data($0) })
    }

    func decrypt(
        _ request: DecryptRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> DecryptResponse {
        let key = try await vault.key(request.key, for: .decrypt, by: principal)
        let cipher = try KeyCipher(.decrypt, with: key, CipherFields(request), in: vault.engine.context)
        let plaintext = try cipher.decrypt(request.cipher, field: "cipher")
        try await vault.recordUse("decrypted with", key.object, cipher.method.label, context, principal)
        return DecryptResponse(kid: key.object.kid, plain: plaintext.withBytes { Data($0) })
    }

    // MARK: In parts

    private func begin(
        _ direction: CipherRules.Direction, _ request: CipherInitRequest, _ context: KMSContext,
        _ principal: Principal
    ) async throws -> CipherInitResponse {
        let key = try await vault.key(request.key, for: direction.action, by: principal)
        let fields = CipherFields(request)
        let method = try CipherRules.method(direction, with: key, fields)
        guard case .symmetric(let type, let mode, let secret) = method, mode.isMultiPart else {
            throw KMSError.badRequest("\(method.label) is not possible in parts; CBC, CBCNOPAD, CTR and GCM are")
        }
        let parameters = try CipherParameters(
            type, mode, fields, makesIV: direction == .encrypt, in: vault.engine.context)
        let state = try vault.multiPart.begin(
            direction, type, mode, kid: key.object.kid, key: secret, parameters, owner: principal.id)
        // Recorded now, for parts of the output leave before the end.
        try await vault.recordUse("began to \(direction.verb) with", key.object, method.label, context, principal)
        return CipherInitResponse(
            kid: key.object.kid, iv: direction == .encrypt ? Data(parameters.iv) : nil, state: Data(state))
    }

    private func update(
        _ direction: CipherRules.Direction, _ request: CipherUpdateRequest, _ principal: Principal
    ) async throws -> CipherUpdateResponse {
        let (kid, secret, _) = try await key(request.key, direction, principal)
        let (input, field, other) =
            direction == .encrypt ? (request.plain, "plain", request.cipher) : (request.cipher, "cipher", request.plain)
        guard let input, other == nil else {
            throw KMSError.badRequest("To \(direction.verb), exactly the field \"\(field)\" is needed")
        }
        let (output, state) = try vault.multiPart.update(
            Array(request.state), direction, kid: kid, key: secret, Array(input), owner: principal.id)
        return answer(direction, output, state: Data(state))
    }

    private func finish(
        _ direction: CipherRules.Direction, _ request: CipherFinalRequest, _ context: KMSContext,
        _ principal: Principal
    ) async throws -> CipherUpdateResponse {
        let (kid, secret, object) = try await key(request.key, direction, principal)
        let fields = CipherFields(alg: nil, mode: nil, tagLen: request.tagLen, tag: request.tag)
        let (output, tag, mode) = try vault.multiPart.finish(
            Array(request.state), direction, kid: kid, key: secret, fields, owner: principal.id)
        let how = "\(object.objType.rawValue) \(mode.rawValue)"
        try await vault.recordUse("\(direction.verb)ed in parts with", object, how, context, principal)
        return answer(direction, output, tag: tag.map { Data($0) })
    }

    /// Each part asks anew whether the key may still be used.
    private func key(
        _ descriptor: SobjectDescriptor?, _ direction: CipherRules.Direction, _ principal: Principal
    ) async throws -> (kid: String?, secret: Secret, object: Sobject) {
        let key = try await vault.key(descriptor, for: direction.action, by: principal)
        guard let secret = key.secret else {
            throw KMSError.badRequest("Field \"state\" belongs to an operation with another key")
        }
        return (key.object.kid, secret, key.object)
    }

    private func answer(
        _ direction: CipherRules.Direction, _ output: Secret, state: Data? = nil, tag: Data? = nil
    ) -> CipherUpdateResponse {
        let bytes = output.withBytes { Data($0) }
        return switch direction {
        case .encrypt: CipherUpdateResponse(cipher: bytes, state: state, tag: tag)
        case .decrypt: CipherUpdateResponse(plain: bytes, state: state, tag: tag)
        }
    }
}

extension SymmetricCipher.Direction {
    fileprivate var action: Policy.Action {
        switch self {
        case .encrypt: .encrypt
        case .decrypt: .decrypt
        }
    }

    fileprivate var verb: String {
        switch self {
        case .encrypt: "encrypt"
        case .decrypt: "decrypt"
        }
    }
}

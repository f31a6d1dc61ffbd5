internal import Hummingbird
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// POST /crypto/v1/mac and /macverify, with their path-style twins: HMAC with `alg`, CMAC without.
struct MACController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.onKey("mac", MACRequest.self) { request, context, principal in
            try await make(request, context, principal)
        }
        routes.onKey("macverify", MACVerifyRequest.self) { request, context, principal in
            try await verify(request, context, principal)
        }
    }

    func make(_ request: MACRequest, _ context: KMSContext, _ principal: Principal) async throws -> MACResponse {
        let key = try await vault.key(request.key, for: .macGenerate, by: principal)
        let (algorithm, code) = try code(key, request.alg, Array(request.data))
        try await vault.recordUse("made a MAC with", key.object, algorithm.label(key.object), context, principal)
        return MACResponse(kid: key.object.kid, mac: .init(code))
    }

    /// A wrong code, also one of a wrong length, is `result: false` and no error.
    func verify(
        _ request: MACVerifyRequest, _ context: KMSContext, _ principal: Principal
    ) async throws -> VerifyResponse {
        let key = try await vault.key(request.key, for: .macVerify, by: principal)
        guard let claimed = request.mac ?? request.digest else {
            throw KMSError.badRequest("Field \"mac\" is missing")
        }
        guard request.mac == nil || request.digest == nil || request.mac == request.digest else {
            throw KMSError.badRequest("The fields \"mac\" and \"digest\" mean the same, but they differ; leave one out")
        }
        let (algorithm, code) = try code(key, request.alg, Array(request.data))
        let result = Secret(code).equals(Secret(claimed))
        try await vault.recordUse("verified a MAC with", key.object, algorithm.label(key.object), context, principal)
        return VerifyResponse(kid: key.object.kid, result: result)
    }

    private func code(
        _ key: LoadedKey, _ hash: HashAlgorithm?, _ data: [UInt8]
    ) throws -> (MACAlgorithm, [UInt8]) {
        let type = key.object.objType
        let algorithm: MACAlgorithm
        switch (type, hash) {
        case (.hmac, .ssl3?):
            throw KMSError.badRequest("Field \"alg\": there is no HMAC with SSL3")
        case (.hmac, let hash?):
            algorithm = .hmac(hash)
        case (.hmac, nil):
            throw KMSError.badRequest("Field \"alg\" is missing; HMAC needs a hash, for example SHA256")
        case (.aes, nil), (.des3, nil):
            algorithm = .cmac
        case (.aes, _), (.des3, _):
            throw KMSError.badRequest("Field \"alg\" is for HMAC keys; a key of type \(type.rawValue) makes CMACs")
        default:
            throw KMSError.badRequest("An object of type \(type.rawValue) cannot make or verify MACs")
        }
        guard let secret = key.secret else { throw KMSError.badRequest("The object has no key material") }
        let code = try MessageAuthentication.code(
            data, algorithm, keyType: type, key: secret, in: vault.engine.context)
        return (algorithm, code)
    }
}

extension MACAlgorithm {
    /// For the audit log.
    fileprivate func label(_ object: Sobject) -> String {
        switch self {
        case .hmac(let hash): "HMAC \(hash.rawValue)"
        case .cmac: "\(object.objType.rawValue) CMAC"
        }
    }
}

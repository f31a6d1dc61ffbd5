internal import FoundationEssentials
internal import Hummingbird
internal import KMSModel

/// POST /crypto/v1/keys/key_attestation: the KMS certifies that it holds a private key, and how it may be used.
struct AttestationController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.on(.post, "/crypto/v1/keys/key_attestation") { request, context, principal in
            try .json(try await attest(try await request.json(KeyAttestationRequest.self).key, context, principal))
        }
    }

    private func attest(
        _ descriptor: SobjectDescriptor, _ context: KMSContext, _ principal: Principal
    ) async throws -> KeyAttestationResponse {
        let object = try await vault.key(descriptor, for: .read, by: principal).object
        let row = try await vault.pool.read { db in try TLSIdentityStore.find(.authority, in: db) }
        guard let row else {
            throw KMSError(.notImplemented, "The data directory has no certificate authority that could attest keys")
        }
        let authority = try ServerIdentity(opening: row, .authority, by: vault.engine)
        let statement = try CertificateAuthority(authority).attest(object)
        try await vault.recordUse("attested", object, "x509_certificate", context, principal)
        return KeyAttestationResponse(
            authorityChain: [Data(try authority.der())], attestationStatement: .init(x509: Data(statement)))
    }
}

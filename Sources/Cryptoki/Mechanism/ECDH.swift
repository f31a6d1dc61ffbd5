internal import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// Elliptic curve Diffie-Hellman (mechanisms specification 2.3.17), with or without the KDF of ANSI X9.63. All curves of
/// this token have the cofactor 1 or, X25519 and X448, take care of it themselves.
enum ECDH: MechanismFamily {
    static var mechanisms: [Mechanism] {
        var plain = row(CKM_ECDH1_DERIVE, [CKK_EC, CKK_EC_MONTGOMERY])
        plain.traits |= CKF_EC_OID
        return [plain, row(CKM_ECDH1_COFACTOR_DERIVE, [CKK_EC])]
    }

    private static func row(_ type: CK_MECHANISM_TYPE, _ keyTypes: [CK_KEY_TYPE]) -> Mechanism {
        var row = Mechanism(type, keyTypes, KeySizes.ec, .bits)
        row.traits = ECDSA.traits
        let make: Mechanism.MakeDerivation = { request, key throws(CKError) in try Scheme(request, key) }
        row.derive = .init(flag: CKF_DERIVE, needs: .agreeEC, make: make)
        return row
    }

    private struct Scheme: KeyDerivationScheme {
        private let key: KeyInUse
        /// nil: the shared secret itself.
        private let kdf: HashAlgorithm?
        private let sharedInfo: [UInt8]
        private let peer: PublicKey

        init(_ request: MechanismRequest, _ key: KeyInUse) throws(CKError) {
            self.key = key
            let capabilities = key.token.backend.capabilities
            guard key.facts.keyType == CKK_EC || capabilities.contains(.agreeMontgomery) else {
                throw CKError(CKR_KEY_TYPE_INCONSISTENT)
            }
            let parameters = try request.parameter(as: CK_ECDH1_DERIVE_PARAMS.self)
            sharedInfo = try MechanismRequest.bytes(parameters.pSharedData, parameters.ulSharedDataLen, atMost: 1 << 16)
            if parameters.kdf == CKD_NULL {
                guard sharedInfo.isEmpty else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
                kdf = nil
            } else {
                guard let row = HashTable.rows.first(where: { $0.kdf == parameters.kdf }) else {
                    throw CKError(CKR_MECHANISM_PARAM_INVALID)
                }
                kdf = row.hash
            }
            let point = try MechanismRequest.bytes(parameters.pPublicData, parameters.ulPublicDataLen, atMost: 1 << 10)
            peer = try Scheme.peer(point, key)
        }

        /// The point comes bare or as DER OCTET STRING. A bare point may happen to look like the latter, so the form
        /// that gives a point of the curve counts.
        private static func peer(_ point: [UInt8], _ key: KeyInUse) throws(CKError) -> PublicKey {
            guard let parameters = key.object.attributes.value(CKA_EC_PARAMS) else {
                throw CKError(CKR_KEY_TYPE_INCONSISTENT)
            }
            for form in [point, DEROctetString.decode(point)] {
                guard let form, !form.isEmpty,
                    let peer = try? PublicKey(.ec(parameters: parameters, point: form), in: key.token.context)
                else { continue }
                return peer
            }
            throw CKError(CKR_MECHANISM_PARAM_INVALID)
        }

        private var secretLength: Int { (key.facts.bits + 7) / 8 }

        var naturalLength: Int? { kdf == nil ? secretLength : nil }

        func isPossibleAtKMS(length: Int) -> Bool {
            kdf == nil && length == secretLength && key.object.keyID.kind != .local
        }

        func derive(
            _ specification: KeySpecification, _ backend: any Backend, _ deadline: Deadline
        ) throws(BackendError) -> KeyDescription {
            let info: [UInt8]
            do throws(CryptoError) {
                info = try peer.subjectPublicKeyInfo()
            } catch {
                throw BackendError(.invalid, error.description)
            }
            var other = KeySpecification(name: nil, type: .ec, operations: [.agreeKey], isTransient: true)
            other.curve = key.facts.curve
            let peer = try backend.importKey(other, value: Secret(info), deadline: deadline)
            defer { if peer.id.kind == .local { try? backend.delete(peer.id, deadline: deadline) } }
            return try backend.agree(key.object.keyID, with: peer.id, as: specification, deadline: deadline)
        }

        func value(length: Int) throws(CKError) -> Secret {
            var specification = KeySpecification(
                name: nil, type: .secret, operations: [.export, .deriveKey, .appManageable], isTransient: true)
            specification.bits = secretLength * 8
            let secret = try key.token.perform(
                "C_DeriveKey with key \"\(key.object.label)\"", .operation(invalid: CKR_MECHANISM_PARAM_INVALID),
                on: key.object.keyID
            ) { (backend, deadline) throws(BackendError) in
                let shared = try derive(specification, backend, deadline)
                defer { if shared.id.kind == .local { try? backend.delete(shared.id, deadline: deadline) } }
                return try backend.export(shared.id, deadline: deadline)
            }
            guard secret.count == secretLength else { throw CKError(CKR_DEVICE_ERROR) }
            guard let kdf else {
                // «The truncation removes bytes from the leading end of the secret value.»
                guard length <= secret.count else { throw CKError(CKR_TEMPLATE_INCONSISTENT) }
                return secret.withBytes { Secret(UnsafeRawBufferPointer(rebasing: $0.suffix(length))) }
            }
            return try CKError.failing { () throws(CryptoError) in
                try KeyDerivation.x963(secret, kdf, sharedInfo: sharedInfo, length: length, in: key.token.context)
            }
        }
    }
}

internal import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import KMSSupport

/// The ciphertext of given data as a new key (mechanisms specification 2.19).
enum EncryptionDerivation: MechanismFamily {
    static var mechanisms: [Mechanism] {
        var ecb = Mechanism(CKM_AES_ECB_ENCRYPT_DATA, [CKK_AES], 16...32, .bytes)
        let makeECB: Mechanism.MakeDerivation = { request, key throws(CKError) in
            let parameters = try request.parameter(as: CK_KEY_DERIVATION_STRING_DATA.self)
            return try Scheme(key, .ecb, iv: [], parameters.pData, parameters.ulLen)
        }
        ecb.derive = .init(flag: CKF_DERIVE, needs: [.deriveByEncryption, .aesECB], make: makeECB)
        var cbc = Mechanism(CKM_AES_CBC_ENCRYPT_DATA, [CKK_AES], 16...32, .bytes)
        let makeCBC: Mechanism.MakeDerivation = { request, key throws(CKError) in
            let parameters = try request.parameter(as: CK_AES_CBC_ENCRYPT_DATA_PARAMS.self)
            let iv = withUnsafeBytes(of: parameters.iv) { Array($0) }
            return try Scheme(key, .cbcNoPad, iv: iv, parameters.pData, parameters.length)
        }
        cbc.derive = .init(flag: CKF_DERIVE, needs: [.deriveByEncryption, .aesCBC], make: makeCBC)
        return [ecb, cbc]
    }

    private struct Scheme: KeyDerivationScheme {
        private let key: KeyInUse
        private let cipher: Cipher
        private let data: [UInt8]

        init(
            _ key: KeyInUse, _ mode: CipherMode, iv: [UInt8], _ pointer: CK_BYTE_PTR?, _ length: CK_ULONG
        ) throws(CKError) {
            self.key = key
            data = try MechanismRequest.bytes(pointer, length, atMost: 1_024)
            guard !data.isEmpty, data.count.isMultiple(of: 16) else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
            cipher = .symmetric(.aes, mode, iv: iv, associatedData: [], tagLength: 0)
        }

        var naturalLength: Int? { data.count }

        /// A KMS takes the whole ciphertext as the key.
        func isPossibleAtKMS(length: Int) -> Bool { length == data.count && key.object.keyID.kind != .local }

        func derive(
            _ specification: KeySpecification, _ backend: any Backend, _ deadline: Deadline
        ) throws(BackendError) -> KeyDescription {
            try backend.derive(
                key.object.keyID, by: .encrypt(cipher, data: data), as: specification, deadline: deadline)
        }

        /// The standard takes the first bytes.
        func value(length: Int) throws(CKError) -> Secret {
            guard length <= data.count else { throw CKError(CKR_TEMPLATE_INCONSISTENT) }
            if key.object.keyID.kind == .local {
                return Secret(try key.encrypt(Secret(data), cipher).bytes.prefix(length))
            }
            var specification = KeySpecification(
                name: nil, type: .secret, operations: [.export, .deriveKey, .appManageable], isTransient: true)
            specification.bits = data.count * 8
            let whole = try key.token.perform(
                "C_DeriveKey with key \"\(key.object.label)\"", .operation(invalid: CKR_MECHANISM_PARAM_INVALID),
                on: key.object.keyID
            ) { (backend, deadline) throws(BackendError) in
                let derived = try backend.derive(
                    key.object.keyID, by: .encrypt(cipher, data: data), as: specification, deadline: deadline)
                return try backend.export(derived.id, deadline: deadline)
            }
            return whole.withBytes { Secret(UnsafeRawBufferPointer(rebasing: $0.prefix(length))) }
        }
    }
}

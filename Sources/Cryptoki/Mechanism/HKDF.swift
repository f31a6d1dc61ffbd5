internal import CPKCS11
internal import KMSBackend
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// HKDF (mechanisms specification 3.0, 2.62). A KMS extracts and expands in one; the steps by themselves are for keys of
/// the session.
enum HKDF: MechanismFamily {
    static var mechanisms: [Mechanism] {
        let keyTypes = [CKK_HKDF, CKK_GENERIC_SECRET, CKK_AES] + HashTable.rows.map(\.keyType)
        var row = Mechanism(CKM_HKDF_DERIVE, keyTypes, 1...1_024, .bytes)
        let make: Mechanism.MakeDerivation = { request, key throws(CKError) in try Scheme(request, key) }
        row.derive = .init(flag: CKF_DERIVE, needs: .deriveHKDF, make: make)
        return [row]
    }

    private struct Scheme: KeyDerivationScheme {
        private let key: KeyInUse
        private let hash: HashAlgorithm
        private let mode: KeyDerivation.HKDFMode
        private let salt: [UInt8]
        private let info: [UInt8]

        init(_ request: MechanismRequest, _ key: KeyInUse) throws(CKError) {
            let parameters = try request.parameter(as: CK_HKDF_PARAMS.self)
            guard let hash = HashTable.hash(mechanism: parameters.prfHashMechanism) else {
                throw CKError(CKR_MECHANISM_PARAM_INVALID)
            }
            switch (parameters.bExtract == CK_TRUE, parameters.bExpand == CK_TRUE) {
            case (true, true): mode = .extractAndExpand
            case (true, false): mode = .extractOnly
            case (false, true): mode = .expandOnly
            case (false, false): throw CKError(CKR_MECHANISM_PARAM_INVALID)
            }
            guard mode == .extractAndExpand || key.object.keyID.kind == .local else {
                throw CKError(CKR_MECHANISM_PARAM_INVALID)
            }
            self.key = key
            self.hash = hash
            switch parameters.ulSaltType {
            case CKF_HKDF_SALT_NULL: salt = []
            case CKF_HKDF_SALT_DATA:
                salt = try MechanismRequest.bytes(parameters.pSalt, parameters.ulSaltLen, atMost: 1 << 10)
            case CKF_HKDF_SALT_KEY: salt = try Scheme.salt(parameters.hSaltKey, key.token)
            default: throw CKError(CKR_MECHANISM_PARAM_INVALID)
            }
            info = try MechanismRequest.bytes(parameters.pInfo, parameters.ulInfoLen, atMost: 1 << 10)
            guard mode != .expandOnly || salt.isEmpty, mode != .extractOnly || info.isEmpty else {
                throw CKError(CKR_MECHANISM_PARAM_INVALID)
            }
        }

        /// A key as salt must be one whose value may be read: the KMS takes the salt's bytes.
        private static func salt(_ handle: CK_OBJECT_HANDLE, _ token: Token) throws(CKError) -> [UInt8] {
            let object = try token.object(handle, or: CKR_KEY_HANDLE_INVALID)
            guard object.objectClass == CKO_SECRET_KEY else { throw CKError(CKR_KEY_TYPE_INCONSISTENT) }
            guard case .exported = object.attributes[CKA_VALUE] else { throw CKError(CKR_KEY_FUNCTION_NOT_PERMITTED) }
            return try token.value(of: object).withBytes { Array($0) }
        }

        var naturalLength: Int? { mode == .extractOnly ? hash.length : nil }

        func isPossibleAtKMS(length: Int) -> Bool { key.object.keyID.kind != .local }

        func derive(
            _ specification: KeySpecification, _ backend: any Backend, _ deadline: Deadline
        ) throws(BackendError) -> KeyDescription {
            try backend.derive(
                key.object.keyID, by: .hkdf(hash, salt: salt, info: info), as: specification, deadline: deadline)
        }

        func value(length: Int) throws(CKError) -> Secret {
            let base = try key.token.perform(
                "C_DeriveKey", .operation(invalid: CKR_MECHANISM_PARAM_INVALID), on: key.object.keyID
            ) { (backend, deadline) throws(BackendError) in
                try backend.export(key.object.keyID, deadline: deadline)
            }
            return try CKError.failing(CKR_KEY_SIZE_RANGE) { () throws(CryptoError) in
                try KeyDerivation.hkdf(
                    base, hash, mode, salt: salt, info: info, length: length, in: key.token.context)
            }
        }
    }
}

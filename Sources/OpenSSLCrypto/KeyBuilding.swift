internal import COpenSSL
internal import KMSModel

/// Keys from their parts, through EVP_PKEY_fromdata.
enum KeyBuilding {
    /// What EVP_PKEY_fromdata is to find in the parameters.
    enum Half {
        case publicKey, keyPair

        fileprivate var selection: Int32 {
            switch self {
            case .publicKey: OSSL_KEYMGMT_SELECT_ALL_PARAMETERS | OSSL_KEYMGMT_SELECT_PUBLIC_KEY
            case .keyPair: OSSL_KEYMGMT_SELECT_ALL_PARAMETERS | OSSL_KEYMGMT_SELECT_KEYPAIR
            }
        }
    }

    /// - Returns: a key that the caller owns; nil when OpenSSL does not take the parts.
    static func key(
        _ algorithm: String, _ half: Half, _ parameters: Parameters, in context: LibraryContext
    ) -> OpaquePointer? {
        context.asDefault {
            guard let operation = EVP_PKEY_CTX_new_from_name(context.pointer, algorithm, nil) else { return nil }
            defer { EVP_PKEY_CTX_free(operation) }
            var key: OpaquePointer?
            guard EVP_PKEY_fromdata_init(operation) == 1,
                parameters.withPointer({ EVP_PKEY_fromdata(operation, &key, half.selection, $0) }) == 1
            else { return nil }
            return key
        }
    }

    /// The host has made an engine the default that knows no checks.
    static var cannotCheck: Int32 { -2 }

    /// - Parameter result: of a check of OpenSSL. What EVP_PKEY_fromdata and the decoders check has to do where it cannot.
    static func isPassed(_ result: Int32) -> Bool { result == 1 || result == cannotCheck }

    /// Whether a public key can be one: an odd modulus that is not prime and an odd exponent (RSA), a point on the
    /// curve and of its order (EC).
    static func isPublicKeyValid(_ key: OpaquePointer, in context: LibraryContext) -> Bool {
        context.asDefault {
            guard let check = EVP_PKEY_CTX_new_from_pkey(context.pointer, key, nil) else { return false }
            defer { EVP_PKEY_CTX_free(check) }
            return isPassed(EVP_PKEY_public_check(check))
        }
    }
}

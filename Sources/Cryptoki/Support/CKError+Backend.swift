internal import CPKCS11
internal import KMSBackend

extension CKError {
    /// The return value for what went wrong at the KMS. C_Login maps `unauthenticated` itself.
    init(_ error: BackendError) {
        switch error.kind {
        case .unauthenticated: self.init(CKR_USER_NOT_LOGGED_IN)
        case .forbidden: self.init(CKR_KEY_FUNCTION_NOT_PERMITTED)
        case .notFound: self.init(CKR_KEY_HANDLE_INVALID)
        case .conflict: self.init(CKR_ATTRIBUTE_VALUE_INVALID)
        case .invalid: self.init(CKR_DATA_INVALID)
        case .throttled, .unavailable, .timedOut, .protocolViolation: self.init(CKR_DEVICE_ERROR)
        case .unsupported: self.init(CKR_FUNCTION_NOT_SUPPORTED)
        }
    }
}

internal import CPKCS11
internal import KMSBackend

/// What a call to the KMS was for; decides which return value its refusal becomes.
enum Purpose: Sendable {
    /// An operation with a key; `invalid` is what the standard says of data that the mechanism does not take.
    case operation(invalid: CK_RV)
    /// Changing, reading or destroying an object.
    case management
    /// Making an object: there is none yet whose handle could be wrong.
    case creation
    /// Looking for objects.
    case search
}

extension CKError {
    /// The return value for what went wrong at the KMS. C_Login maps `unauthenticated` itself.
    init(_ error: BackendError, _ purpose: Purpose = .operation(invalid: CKR_DATA_INVALID)) {
        switch (error.kind, purpose) {
        case (.unauthenticated, _): self.init(CKR_USER_NOT_LOGGED_IN)
        case (.forbidden, .operation): self.init(CKR_KEY_FUNCTION_NOT_PERMITTED)
        case (.forbidden, .management), (.forbidden, .creation): self.init(CKR_ACTION_PROHIBITED)
        case (.forbidden, .search): self.init(CKR_FUNCTION_FAILED)
        case (.notFound, .operation): self.init(CKR_KEY_HANDLE_INVALID)
        case (.notFound, .management): self.init(CKR_OBJECT_HANDLE_INVALID)
        case (.notFound, .creation), (.notFound, .search): self.init(CKR_FUNCTION_FAILED)
        case (.conflict, .operation), (.conflict, .search): self.init(CKR_FUNCTION_FAILED)
        case (.conflict, .management), (.conflict, .creation): self.init(CKR_ATTRIBUTE_VALUE_INVALID)
        case (.invalid, .operation(let rv)): self.init(rv)
        case (.tooLong, .operation(CKR_ENCRYPTED_DATA_INVALID)): self.init(CKR_ENCRYPTED_DATA_LEN_RANGE)
        case (.tooLong, .operation): self.init(CKR_DATA_LEN_RANGE)
        case (.tooLong, .management), (.tooLong, .creation): self.init(CKR_ATTRIBUTE_VALUE_INVALID)
        case (.invalid, .management), (.invalid, .creation): self.init(CKR_ATTRIBUTE_VALUE_INVALID)
        case (.tooLong, .search), (.invalid, .search): self.init(CKR_FUNCTION_FAILED)
        case (.throttled, _), (.unavailable, _), (.timedOut, _), (.protocolViolation, _): self.init(CKR_DEVICE_ERROR)
        case (.unsupported, _): self.init(CKR_FUNCTION_NOT_SUPPORTED)
        }
    }
}

public import CPKCS11

// PKCS#11 3.0 section 5.18, key management.

@c @implementation
public func C_GenerateKey(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ pTemplate: CK_ATTRIBUTE_PTR?,
    _ ulCount: CK_ULONG, _ phKey: CK_OBJECT_HANDLE_PTR?
) -> CK_RV {
    entry("C_GenerateKey") { library throws(CKError) in
        let session = try library.session(hSession)
        guard let pMechanism, let phKey else { throw CKError(CKR_ARGUMENTS_BAD) }
        phKey.pointee = try session.token.generateKey(
            MechanismRequest(pMechanism), Template(pTemplate, ulCount), by: session.owner)
    }
}

@c @implementation
public func C_GenerateKeyPair(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ pPublicKeyTemplate: CK_ATTRIBUTE_PTR?,
    _ ulPublicKeyAttributeCount: CK_ULONG, _ pPrivateKeyTemplate: CK_ATTRIBUTE_PTR?,
    _ ulPrivateKeyAttributeCount: CK_ULONG, _ phPublicKey: CK_OBJECT_HANDLE_PTR?,
    _ phPrivateKey: CK_OBJECT_HANDLE_PTR?
) -> CK_RV {
    entry("C_GenerateKeyPair") { library throws(CKError) in
        let session = try library.session(hSession)
        guard let pMechanism, let phPublicKey, let phPrivateKey else { throw CKError(CKR_ARGUMENTS_BAD) }
        let pair = try session.token.generateKeyPair(
            MechanismRequest(pMechanism), public: Template(pPublicKeyTemplate, ulPublicKeyAttributeCount),
            private: Template(pPrivateKeyTemplate, ulPrivateKeyAttributeCount), by: session.owner)
        phPublicKey.pointee = pair.publicKey
        phPrivateKey.pointee = pair.privateKey
    }
}

@c @implementation
public func C_WrapKey(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hWrappingKey: CK_OBJECT_HANDLE,
    _ hKey: CK_OBJECT_HANDLE, _ pWrappedKey: CK_BYTE_PTR?, _ pulWrappedKeyLen: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_WrapKey") { library throws(CKError) in
        let session = try library.session(hSession)
        guard let pMechanism else { throw CKError(CKR_ARGUMENTS_BAD) }
        try session.requireLogin(for: hWrappingKey)
        try session.token.wrap(
            MechanismRequest(pMechanism), hWrappingKey, hKey, into: Output(pWrappedKey, pulWrappedKeyLen))
    }
}

@c @implementation
public func C_UnwrapKey(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hUnwrappingKey: CK_OBJECT_HANDLE,
    _ pWrappedKey: CK_BYTE_PTR?, _ ulWrappedKeyLen: CK_ULONG, _ pTemplate: CK_ATTRIBUTE_PTR?,
    _ ulAttributeCount: CK_ULONG, _ phKey: CK_OBJECT_HANDLE_PTR?
) -> CK_RV {
    entry("C_UnwrapKey") { library throws(CKError) in
        let session = try library.session(hSession)
        guard let pMechanism, let phKey else { throw CKError(CKR_ARGUMENTS_BAD) }
        try session.requireLogin(for: hUnwrappingKey)
        phKey.pointee = try session.token.unwrap(
            MechanismRequest(pMechanism), hUnwrappingKey, Input(pWrappedKey, ulWrappedKeyLen),
            Template(pTemplate, ulAttributeCount), by: session.owner)
    }
}

@c @implementation
public func C_DeriveKey(
    _ hSession: CK_SESSION_HANDLE, _ pMechanism: CK_MECHANISM_PTR?, _ hBaseKey: CK_OBJECT_HANDLE,
    _ pTemplate: CK_ATTRIBUTE_PTR?, _ ulAttributeCount: CK_ULONG, _ phKey: CK_OBJECT_HANDLE_PTR?
) -> CK_RV {
    entry("C_DeriveKey") { library throws(CKError) in
        let session = try library.session(hSession)
        guard let pMechanism, let phKey else { throw CKError(CKR_ARGUMENTS_BAD) }
        try session.requireLogin(for: hBaseKey)
        phKey.pointee = try session.token.derive(
            MechanismRequest(pMechanism), hBaseKey, Template(pTemplate, ulAttributeCount), by: session.owner)
    }
}

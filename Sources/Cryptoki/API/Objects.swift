public import CPKCS11

// PKCS#11 3.0 section 5.7, object management.

@c @implementation
public func C_FindObjectsInit(
    _ hSession: CK_SESSION_HANDLE, _ pTemplate: CK_ATTRIBUTE_PTR?, _ ulCount: CK_ULONG
) -> CK_RV {
    entry("C_FindObjectsInit") { library throws(CKError) in
        try library.session(hSession).findInit(Template(pTemplate, ulCount))
    }
}

@c @implementation
public func C_FindObjects(
    _ hSession: CK_SESSION_HANDLE, _ phObject: CK_OBJECT_HANDLE_PTR?, _ ulMaxObjectCount: CK_ULONG,
    _ pulObjectCount: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_FindObjects") { library throws(CKError) in
        let session = try library.session(hSession)
        guard let pulObjectCount, phObject != nil || ulMaxObjectCount == 0 else { throw CKError(CKR_ARGUMENTS_BAD) }
        let found = try session.find(atMost: Int(clamping: ulMaxObjectCount))
        for (index, handle) in found.enumerated() { phObject?[index] = handle }
        pulObjectCount.pointee = CK_ULONG(found.count)
    }
}

@c @implementation
public func C_FindObjectsFinal(_ hSession: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_FindObjectsFinal") { library throws(CKError) in try library.session(hSession).findFinal() }
}

@c @implementation
public func C_GetAttributeValue(
    _ hSession: CK_SESSION_HANDLE, _ hObject: CK_OBJECT_HANDLE, _ pTemplate: CK_ATTRIBUTE_PTR?, _ ulCount: CK_ULONG
) -> CK_RV {
    entry("C_GetAttributeValue") { library throws(CKError) in
        let token = try library.session(hSession).token
        try AttributeReader.read(token.object(hObject), of: token, pTemplate, ulCount)
    }
}

@c @implementation
public func C_GetObjectSize(
    _ hSession: CK_SESSION_HANDLE, _ hObject: CK_OBJECT_HANDLE, _ pulSize: CK_ULONG_PTR?
) -> CK_RV {
    entry("C_GetObjectSize") { library throws(CKError) in
        let object = try library.session(hSession).token.object(hObject)
        guard let pulSize else { throw CKError(CKR_ARGUMENTS_BAD) }
        pulSize.pointee = CK_ULONG(object.attributes.byteCount)
    }
}

@c @implementation
public func C_CreateObject(
    _ hSession: CK_SESSION_HANDLE, _ pTemplate: CK_ATTRIBUTE_PTR?, _ ulCount: CK_ULONG,
    _ phObject: CK_OBJECT_HANDLE_PTR?
) -> CK_RV {
    entry("C_CreateObject") { library throws(CKError) in
        let session = try library.session(hSession)
        guard let phObject else { throw CKError(CKR_ARGUMENTS_BAD) }
        phObject.pointee = try session.token.create(Template(pTemplate, ulCount), by: session.owner)
    }
}

@c @implementation
public func C_CopyObject(
    _ hSession: CK_SESSION_HANDLE, _ hObject: CK_OBJECT_HANDLE, _ pTemplate: CK_ATTRIBUTE_PTR?, _ ulCount: CK_ULONG,
    _ phNewObject: CK_OBJECT_HANDLE_PTR?
) -> CK_RV {
    entry("C_CopyObject") { library throws(CKError) in
        let session = try library.session(hSession)
        guard let phNewObject else { throw CKError(CKR_ARGUMENTS_BAD) }
        phNewObject.pointee = try session.token.copy(hObject, Template(pTemplate, ulCount), by: session.owner)
    }
}

@c @implementation
public func C_DestroyObject(_ hSession: CK_SESSION_HANDLE, _ hObject: CK_OBJECT_HANDLE) -> CK_RV {
    entry("C_DestroyObject") { library throws(CKError) in
        let session = try library.session(hSession)
        try session.token.destroy(hObject, by: session.owner)
    }
}

@c @implementation
public func C_SetAttributeValue(
    _ hSession: CK_SESSION_HANDLE, _ hObject: CK_OBJECT_HANDLE, _ pTemplate: CK_ATTRIBUTE_PTR?, _ ulCount: CK_ULONG
) -> CK_RV {
    entry("C_SetAttributeValue") { library throws(CKError) in
        let session = try library.session(hSession)
        try session.token.set(hObject, Template(pTemplate, ulCount), by: session.owner)
    }
}

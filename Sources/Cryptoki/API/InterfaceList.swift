public import CPKCS11

// The interfaces of section 5.4 (C_GetInterfaceList, C_GetInterface): the standard's own, in two versions.

/// Filled at each call with the same values: the addresses are not constants, and a lazy initialiser could hang in a
/// forked child.
private nonisolated(unsafe) var interface30 = CK_INTERFACE(pInterfaceName: nil, pFunctionList: nil, flags: 0)
private nonisolated(unsafe) var interface240 = CK_INTERFACE(pInterfaceName: nil, pFunctionList: nil, flags: 0)

private struct Interface {
    let name: StaticString
    let version: CK_VERSION
    let table: UnsafeMutableRawPointer
    let address: CK_INTERFACE_PTR

    var value: CK_INTERFACE {
        CK_INTERFACE(
            pInterfaceName: UnsafeMutablePointer(mutating: name.utf8Start), pFunctionList: table,
            flags: CKF_INTERFACE_FORK_SAFE)
    }

    /// The newest first: that is the default.
    static var all: [Interface] {
        [
            Interface(
                name: "PKCS 11", version: CK_VERSION(major: 3, minor: 0),
                table: UnsafeMutableRawPointer(FunctionTables.version30),
                address: withUnsafeMutablePointer(to: &interface30) { $0 }),
            Interface(
                name: "PKCS 11", version: CK_VERSION(major: 2, minor: 40),
                table: UnsafeMutableRawPointer(FunctionTables.version240),
                address: withUnsafeMutablePointer(to: &interface240) { $0 }),
        ]
    }
}

@c @implementation
public func C_GetInterfaceList(_ pInterfacesList: CK_INTERFACE_PTR?, _ pulCount: CK_ULONG_PTR?) -> CK_RV {
    report("C_GetInterfaceList") { () throws(CKError) in
        try place(Interface.all.map(\.value), into: pInterfacesList, count: pulCount)
    }
}

@c @implementation
public func C_GetInterface(
    _ pInterfaceName: CK_UTF8CHAR_PTR?, _ pVersion: CK_VERSION_PTR?, _ ppInterface: CK_INTERFACE_PTR_PTR?,
    _ flags: CK_FLAGS
) -> CK_RV {
    report("C_GetInterface") { () throws(CKError) in
        guard let ppInterface else { throw CKError(CKR_ARGUMENTS_BAD) }
        let name = pInterfaceName.map { String(cString: $0) }
        let match = Interface.all.first { interface in
            (name == nil || name == "\(interface.name)")
                && (pVersion == nil
                    || (pVersion?.pointee.major == interface.version.major
                        && pVersion?.pointee.minor == interface.version.minor))
                && flags & ~CKF_INTERFACE_FORK_SAFE == 0
        }
        guard let match else { throw CKError(CKR_FUNCTION_FAILED) }
        match.address.pointee = match.value
        ppInterface.pointee = match.address
    }
}

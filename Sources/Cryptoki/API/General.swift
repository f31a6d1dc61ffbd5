public import CPKCS11
internal import KMSSupport

// PKCS#11 3.0 section 5.4, general-purpose functions.

@c @implementation
public func C_Initialize(_ pInitArgs: CK_VOID_PTR?) -> CK_RV {
    Gate.inside {
        report("C_Initialize") { () throws(CKError) in
            try InitializeArguments.check(pInitArgs)
            try Library.shared().initialize()
        }
    }
}

@c @implementation
public func C_Finalize(_ pReserved: CK_VOID_PTR?) -> CK_RV {
    entry("C_Finalize") { library throws(CKError) in
        guard pReserved == nil else { throw CKError(CKR_ARGUMENTS_BAD) }
        library.finalize()
    }
}

@c @implementation
public func C_GetInfo(_ pInfo: CK_INFO_PTR?) -> CK_RV {
    entry("C_GetInfo") { _ throws(CKError) in
        guard let pInfo else { throw CKError(CKR_ARGUMENTS_BAD) }
        var info = CK_INFO()
        info.cryptokiVersion = Product.cryptokiVersion
        fill(&info.manufacturerID, with: Product.manufacturer)
        fill(&info.libraryDescription, with: Product.description)
        info.flags = 0
        info.libraryVersion = Product.version
        pInfo.pointee = info
    }
}

/// The optional argument of C_Initialize (section 5.4): we lock with the operating system's mutexes, always.
enum InitializeArguments {
    static func check(_ pointer: CK_VOID_PTR?) throws(CKError) {
        guard let pointer else { return }
        let arguments = UnsafeRawPointer(pointer).loadUnaligned(as: CK_C_INITIALIZE_ARGS.self)
        guard arguments.pReserved == nil else { throw CKError(CKR_ARGUMENTS_BAD) }
        let given = [
            arguments.CreateMutex != nil, arguments.DestroyMutex != nil, arguments.LockMutex != nil,
            arguments.UnlockMutex != nil,
        ].count { $0 }
        guard given == 0 || given == 4 else { throw CKError(CKR_ARGUMENTS_BAD) }
        // An application that insists on its own mutexes gets the right to: its threads are pthreads all the same, and
        // with our own locks the module is as safe. CKF_LIBRARY_CANT_CREATE_OS_THREADS: the module makes none.
    }
}

enum Product {
    /// The newest interface that C_GetInterface offers.
    static var cryptokiVersion: CK_VERSION { CK_VERSION(major: 3, minor: 0) }
    static var manufacturer: String { "kms-pkcs11" }
    static var description: String { "PKCS#11 for remote KMS" }
    static var version: CK_VERSION { CK_VERSION(major: ProductVersion.major, minor: ProductVersion.minor) }
}

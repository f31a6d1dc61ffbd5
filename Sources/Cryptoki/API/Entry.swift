internal import CPKCS11
internal import KMSSupport
internal import OpenSSLCrypto

/// Every C_* function's frame: enters the fork gate, finds the library, turns the error into a CK_RV and logs name and
/// result. Never logs data.
func entry(_ name: StaticString, _ body: (Library) throws(CKError) -> Void) -> CK_RV {
    Gate.inside {
        guard let library = Library.current else { return CKR_CRYPTOKI_NOT_INITIALIZED }
        guard library.isInitialized else { return CKR_CRYPTOKI_NOT_INITIALIZED }
        defer { library.dump?.writeIfDue() }
        return report(name) { () throws(CKError) in try body(library) }
    }
}

/// The frame of a function that works before C_Initialize. Leaves OpenSSL's error queue as the host had it.
func report(_ name: StaticString, _ body: () throws(CKError) -> Void) -> CK_RV {
    do throws(CKError) {
        try ErrorQueue.untouched { () throws(CKError) in
            try CallClock.run { () throws(CKError) in try body() }
        }
        Log.debug("\(name): CKR_OK")
        return CKR_OK
    } catch {
        Log.debug("\(name): \(error.name)")
        return error.rv
    }
}

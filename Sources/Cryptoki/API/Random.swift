public import CPKCS11
internal import OpenSSLCrypto

// PKCS#11 3.0 section 5.20, random numbers: this machine's. Fortanix has no endpoint for them.

@c @implementation
public func C_SeedRandom(_ hSession: CK_SESSION_HANDLE, _ pSeed: CK_BYTE_PTR?, _ ulSeedLen: CK_ULONG) -> CK_RV {
    entry("C_SeedRandom") { library throws(CKError) in
        _ = try library.session(hSession)
        throw CKError(CKR_RANDOM_SEED_NOT_SUPPORTED)
    }
}

@c @implementation
public func C_GenerateRandom(
    _ hSession: CK_SESSION_HANDLE, _ RandomData: CK_BYTE_PTR?, _ ulRandomLen: CK_ULONG
) -> CK_RV {
    entry("C_GenerateRandom") { library throws(CKError) in
        _ = try library.session(hSession)
        let bytes = UnsafeMutableRawBufferPointer(mutating: try Input(RandomData, ulRandomLen).bytes())
        do throws(CryptoError) {
            try Random.fill(bytes, in: library.context)
        } catch {
            throw CKError(CKR_DEVICE_ERROR)
        }
    }
}

internal import CPKCS11
internal import KMSBackend
internal import KMSModel

/// Triple DES (mechanisms specification 2.16), for what still has it.
enum DES3: MechanismFamily {
    static var mechanisms: [Mechanism] {
        [
            row(CKM_DES3_ECB, .ecb, wraps: true), row(CKM_DES3_CBC, .cbcNoPad, wraps: true),
            row(CKM_DES3_CBC_PAD, .cbc, wraps: true),
        ]
    }

    private static func row(_ type: CK_MECHANISM_TYPE, _ mode: CipherMode, wraps: Bool) -> Mechanism {
        // DES keys have one size, and the standard leaves the fields without meaning.
        var row = Mechanism(type, [CKK_DES2, CKK_DES3])
        row.setBlockCipher(needs: .des3, wraps: wraps) { request throws(CKError) in
            if !mode.needsIV { try request.requireNoParameter() }
            let iv = mode.needsIV ? try request.bytes(count: 8) : []
            return BlockCipherUse(.symmetric(.des3, mode, iv: iv, associatedData: [], tagLength: 0))
        }
        return row
    }
}

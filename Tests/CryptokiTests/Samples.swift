import FoundationEssentials
import KMSBackend
import KMSModel

/// Public keys and a certificate made for these tests.
enum Samples {
    /// SubjectPublicKeyInfo, RSA 2048.
    static var rsa: [UInt8] {
        bytes(
            "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAmWeVEgX1SqccnORWgMaGwRANw5+4UGTfzXjOnfJjcuTPuN"
                + "sXDOJIGAxGvdGZHmBmAsOBxFtNOTxBuvntOCsCFxpOYc35xG2BGhtZR6tWPGOnGRfxVliUzx5gcPneuJTtkw+ya3rl"
                + "VXCGgflmgEqPT7fnQ4Zm9Bs4GGqJWiC9IjupsvnMyvI78nuKgvHruhh0OXPlWP4fAkCENeXy6WdE+93Zj58bootREW"
                + "cAGbd4ZHkSCyrktMP+xCAhewJzbLR90tjglHRb2HDvEPlfdmyPpB6n3yHpVHXsRRNDVh0Opv/31xqkbShDVcCproWy"
                + "efWZ0BKjlZUxt4I0hyfGdKRLJQIDAQAB")
    }

    /// SubjectPublicKeyInfo, P-256.
    static var ec: [UInt8] {
        bytes(
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEquxGdPh5VVNZICw1c4OV0cCVCMWsJayL8Qcm/gRY3nBQQH1OpUu1/Z"
                + "RcJex9RmvmSFQAfMtknKkVnB8zBlca4g==")
    }

    /// Self-signed with the P-256 key, CN=unit.
    static var certificate: [UInt8] {
        bytes(
            "MIIBdjCCARugAwIBAgIUCCGlLFpgO1dIv5hI6RPKukDMHKYwCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEdW5pdDAgFw"
                + "0yNjExMjEyMTE2MjNaGA8yMTI2MTAyODIxMTYyM1owDzENMAsGA1UEAwwEdW5pdDBZMBMGByqGSM49AgEGCCqGSM49"
                + "AwEHA0IABKrsRnT4eVVTWSAsNXODldHAlQjFrCWsi/EHJv4EWN5wUEB9TqVLtf2UXCXsfUZr5khUAHzLZJypFZwfMw"
                + "ZXGuKjUzBRMB0GA1UdDgQWBBSexDHAqKbbKnI4G4UORLeivnXmVzAfBgNVHSMEGDAWgBSexDHAqKbbKnI4G4UORLei"
                + "vnXmVzAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDVkX3Mf+78E+Db4YtTeLZLgTOwOOvUi5X9VM"
                + "cN3RIZVgIhAJU6weKnpEowvVvwYHrE+ur3SgM9MOC9NZU2Whm2wVKE")
    }

    static func key(
        _ name: String, _ type: ObjectType, operations: KeyOperations = [.sign, .verify]
    ) -> KeyDescription {
        var key = KeyDescription(id: KeyID("id-of-" + name), name: name, type: type, operations: operations)
        switch type {
        case .rsa: key.publicKey = rsa
        case .ec: key.publicKey = ec
        case .certificate: key.value = certificate
        default: break
        }
        return key
    }

    private static func bytes(_ base64: String) -> [UInt8] { Data(base64Encoded: base64).map(Array.init) ?? [] }
}

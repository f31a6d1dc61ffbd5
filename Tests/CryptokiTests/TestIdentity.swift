/// A certificate for tests that nobody trusts, valid for a hundred years, and private keys in PEM.
enum TestIdentity {
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBdDCCARugAwIBAgIUa/nPBxq40AL4eEIdKmCB+oCYom4wCgYIKoZIzj0EAwIw
        DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjcwMzMxMjJaGA8yMTI2MTEwMzAzMzEy
        MlowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIrH
        2sHVDpqxZENWJPSy0+HR7IyQEx/ZocLEcDzMC7zw9k8vY60dPDWlxjCGn6wCDvbR
        ImK0cOTwvKNWt2DRYwOjUzBRMB0GA1UdDgQWBBRPXzewjKIGKFzSAdaKXAaKkhPQ
        YDAfBgNVHSMEGDAWgBRPXzewjKIGKFzSAdaKXAaKkhPQYDAPBgNVHRMBAf8EBTAD
        AQH/MAoGCCqGSM49BAMCA0cAMEQCIGhtK6uc2+M3p2De4zz6w3CkLBonVNtaT0x9
        WoLIxVxnAiAyKnakE9lttmhOsA7oxD/A/vC61UBW3g7wwhW89clk2Q==
        -----END CERTIFICATE-----

        """

    static let privateKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgY+ssW04afD9yNYGr
        QQ9O6q8klB2Y9xaAjP4iClhunVyhRANCAASKx9rB1Q6asWRDViT0stPh0eyMkBMf
        2aHCxHA8zAu88PZPL2OtHTw1pcYwhp+sAg720SJitHDk8LyjVrdg0WMD
        -----END PRIVATE KEY-----

        """

    /// Of no certificate here.
    static let otherKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgat/rwhZNwjlsV48q
        TBMhTC0tU74mVVcnsZgUGtUrJwihRANCAATbuRb5gMFBFkbVipiMyYGCO7EdONc9
        Gp6satsLaw2HRg9bNXYzUBpvLl7NT3mI62VTXNCZPFBWC6mPGSmZHXTu
        -----END PRIVATE KEY-----

        """

    static let encryptedKey = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAh/r1EcLPXPMwICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEED6xtwhbhonc18XS2rXhHXQEgZAF
        oqSkCXC2o6rsfEeuM6RnqRiKdfRQkU7S/Ds/Jhjv6jDHk8o/mtEQin88MEB1GMlU
        eLpTHzqRGzIyk7sqjWLVIWpU+EqYOMWhufhuqHqFzjOAxh7WUqCUT3nf965NGyU0
        pdpzCEcllFtjuf5zuU8vYLIqEPi98uaPXDBlh+4mBN9As+hmhskkH7vx49DJhGY=
        -----END ENCRYPTED PRIVATE KEY-----

        """

    /// As older programs encrypt keys.
    static let traditionallyEncryptedKey = """
        -----BEGIN EC PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-128-CBC,7BDF78FF219EA0B599593EE1BEBE67B5

        aP6Z0W7E5XPym/U1qmJ8DzjEEDSjqaGwCV3ZE+vFVwmONA7MIg7++Iroix7VbYBA
        bojZ9b7+T2VWz15+LmE/sabUtT601NfZ12AO3RJGvf6aJIBJtlDIIxY9peiR75HY
        3uiaLcJ+cid0gb0n2PHdQTvvO9DHdMEcACVHkxyIgV4=
        -----END EC PRIVATE KEY-----

        """
}

package import FoundationEssentials

/// POST /crypto/v1/mac. Without `alg` a CMAC is made; HMAC keys need it.
package struct MACRequest: Codable, Sendable {
    package var key: SobjectDescriptor?
    package var alg: HashAlgorithm?
    package var data: Data

    package init(key: SobjectDescriptor?, alg: HashAlgorithm?, data: Data) {
        self.key = key
        self.alg = alg
        self.data = data
    }
}

/// New clients read `mac`, old ones `digest`.
package struct MACResponse: Codable, Sendable {
    package var kid: String?
    package var mac: Data?
    package var digest: Data?

    package init(kid: String?, mac: Data) {
        self.kid = kid
        self.mac = mac
        digest = mac
    }
}

/// POST /crypto/v1/macverify, with `mac` or, from old clients, `digest`.
package struct MACVerifyRequest: Codable, Sendable {
    package var key: SobjectDescriptor?
    package var alg: HashAlgorithm?
    package var data: Data
    package var mac: Data?
    package var digest: Data?

    package init(key: SobjectDescriptor?, alg: HashAlgorithm?, data: Data, mac: Data) {
        self.key = key
        self.alg = alg
        self.data = data
        self.mac = mac
    }
}

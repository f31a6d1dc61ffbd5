package import FoundationEssentials

/// POST /crypto/v1/sign; on the old path-style endpoint without `key`. Exactly one of `hash` and `data`.
package struct SignRequest: Codable, Sendable {
    package var key: SobjectDescriptor?
    package var hashAlg: HashAlgorithm
    package var hash: Data?
    package var data: Data?
    package var mode: SignatureMode?

    package enum CodingKeys: String, CodingKey {
        case key
        case hashAlg = "hash_alg"
        case hash, data, mode
    }

    package init(key: SobjectDescriptor?, hashAlg: HashAlgorithm, hash: Data?, data: Data? = nil, mode: SignatureMode?)
    {
        self.key = key
        self.hashAlg = hashAlg
        self.hash = hash
        self.data = data
        self.mode = mode
    }
}

package struct SignResponse: Codable, Sendable {
    package var kid: String?
    /// RSA: as long as the modulus. ECDSA: DER SEQUENCE{r, s}.
    package var signature: Data

    package init(kid: String?, signature: Data) {
        self.kid = kid
        self.signature = signature
    }
}

/// POST /crypto/v1/verify.
package struct VerifyRequest: Codable, Sendable {
    package var key: SobjectDescriptor?
    package var hashAlg: HashAlgorithm
    package var hash: Data?
    package var data: Data?
    package var signature: Data
    package var mode: SignatureMode?

    package enum CodingKeys: String, CodingKey {
        case key
        case hashAlg = "hash_alg"
        case hash, data, signature, mode
    }
}

package struct VerifyResponse: Codable, Sendable {
    package var kid: String?
    package var result: Bool

    package init(kid: String?, result: Bool) {
        self.kid = kid
        self.result = result
    }
}

/// POST /crypto/v1/digest.
package struct DigestRequest: Codable, Sendable {
    package var alg: HashAlgorithm
    package var data: Data
}

package struct DigestResponse: Codable, Sendable {
    package var digest: Data

    package init(digest: Data) { self.digest = digest }
}

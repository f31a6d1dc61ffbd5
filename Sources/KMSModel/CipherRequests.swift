package import FoundationEssentials

/// POST /crypto/v1/encrypt; on the path-style endpoint without `key`.
package struct EncryptRequest: Codable, Sendable {
    package var key: SobjectDescriptor?
    package var alg: CryptoAlgorithm?
    package var plain: Data
    package var mode: EncryptionMode?
    /// Absent: the KMS makes one and answers it.
    package var iv: Data?
    package var ad: Data?
    /// In bits; needed with GCM.
    package var tagLen: Int?
    /// OAEP's label.
    package var label: Data?

    package enum CodingKeys: String, CodingKey {
        case key, alg, plain, mode, iv, ad
        case tagLen = "tag_len"
        case label
    }

    package init(key: SobjectDescriptor?, alg: CryptoAlgorithm?, plain: Data, mode: EncryptionMode?) {
        self.key = key
        self.alg = alg
        self.plain = plain
        self.mode = mode
    }
}

package struct EncryptResponse: Codable, Sendable {
    package var kid: String?
    package var cipher: Data
    package var iv: Data?
    package var tag: Data?

    package init(kid: String?, cipher: Data, iv: Data? = nil, tag: Data? = nil) {
        self.kid = kid
        self.cipher = cipher
        self.iv = iv
        self.tag = tag
    }
}

/// POST /crypto/v1/decrypt.
package struct DecryptRequest: Codable, Sendable {
    package var key: SobjectDescriptor?
    package var alg: CryptoAlgorithm?
    package var cipher: Data
    package var mode: EncryptionMode?
    package var iv: Data?
    package var ad: Data?
    package var tag: Data?
    package var label: Data?

    package init(key: SobjectDescriptor?, alg: CryptoAlgorithm?, cipher: Data, mode: EncryptionMode?) {
        self.key = key
        self.alg = alg
        self.cipher = cipher
        self.mode = mode
    }
}

package struct DecryptResponse: Codable, Sendable {
    package var kid: String?
    package var plain: Data

    package init(kid: String?, plain: Data) {
        self.kid = kid
        self.plain = plain
    }
}

/// POST /crypto/v1/encrypt/init and /decrypt/init.
package struct CipherInitRequest: Codable, Sendable {
    package var key: SobjectDescriptor?
    package var alg: CryptoAlgorithm?
    package var mode: EncryptionMode?
    package var iv: Data?
    package var ad: Data?

    package init(key: SobjectDescriptor?, alg: CryptoAlgorithm?, mode: EncryptionMode?, iv: Data?, ad: Data?) {
        self.key = key
        self.alg = alg
        self.mode = mode
        self.iv = iv
        self.ad = ad
    }
}

/// `state` is the server's own, carried by the client from call to call.
package struct CipherInitResponse: Codable, Sendable {
    package var kid: String?
    package var iv: Data?
    package var state: Data

    package init(kid: String?, iv: Data?, state: Data) {
        self.kid = kid
        self.iv = iv
        self.state = state
    }
}

/// POST /crypto/v1/encrypt/update (`plain`) and /decrypt/update (`cipher`).
package struct CipherUpdateRequest: Codable, Sendable {
    package var key: SobjectDescriptor?
    package var plain: Data?
    package var cipher: Data?
    package var state: Data

    package init(key: SobjectDescriptor?, plain: Data? = nil, cipher: Data? = nil, state: Data) {
        self.key = key
        self.plain = plain
        self.cipher = cipher
        self.state = state
    }
}

/// The answer to an update has the other one of `plain` and `cipher`, and the next `state`; that to a final has no
/// state, and `tag` after an encryption with GCM.
package struct CipherUpdateResponse: Codable, Sendable {
    package var plain: Data?
    package var cipher: Data?
    package var state: Data?
    package var tag: Data?

    package init(plain: Data? = nil, cipher: Data? = nil, state: Data? = nil, tag: Data? = nil) {
        self.plain = plain
        self.cipher = cipher
        self.state = state
        self.tag = tag
    }
}

/// POST /crypto/v1/encrypt/final and /decrypt/final.
package struct CipherFinalRequest: Codable, Sendable {
    package var key: SobjectDescriptor?
    package var state: Data
    /// In bits; encryption with GCM.
    package var tagLen: Int?
    /// Decryption with GCM.
    package var tag: Data?

    package enum CodingKeys: String, CodingKey {
        case key, state
        case tagLen = "tag_len"
        case tag
    }

    package init(key: SobjectDescriptor?, state: Data, tagLen: Int? = nil, tag: Data? = nil) {
        self.key = key
        self.state = state
        self.tagLen = tagLen
        self.tag = tag
    }
}

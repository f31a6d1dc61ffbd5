package import FoundationEssentials

/// `key_format` of wrapkey: how an asymmetric subject is written before it is encrypted.
package enum KeyFormat: String, WireEnum {
    /// RSA: PKCS #1.
    case standard = "Default"
    case pkcs8 = "Pkcs8"
}

/// POST /crypto/v1/wrapkey. The subject is named by `subject`, by old clients by `kid`.
package struct WrapKeyRequest: Codable, Sendable {
    package var key: SobjectDescriptor?
    package var subject: SobjectDescriptor?
    package var kid: String?
    package var alg: CryptoAlgorithm?
    package var mode: EncryptionMode?
    package var iv: Data?
    package var ad: Data?
    /// In bits.
    package var tagLen: Int?
    package var label: Data?
    package var keyFormat: KeyFormat?

    package enum CodingKeys: String, CodingKey {
        case key, subject, kid, alg, mode, iv, ad
        case tagLen = "tag_len"
        case label
        case keyFormat = "key_format"
    }

    package init(key: SobjectDescriptor?, subject: SobjectDescriptor, alg: CryptoAlgorithm, mode: EncryptionMode?) {
        self.key = key
        self.subject = subject
        self.alg = alg
        self.mode = mode
    }
}

package struct WrapKeyResponse: Codable, Sendable {
    package var wrappedKey: Data
    package var iv: Data?
    package var tag: Data?

    package enum CodingKeys: String, CodingKey {
        case wrappedKey = "wrapped_key"
        case iv, tag
    }

    package init(wrappedKey: Data, iv: Data? = nil, tag: Data? = nil) {
        self.wrappedKey = wrappedKey
        self.iv = iv
        self.tag = tag
    }
}

/// The fields with which unwrapkey, derive, agree, persist and copy describe the object they make are those of an
/// import: these requests are a `SobjectRequest` with more fields beside it in the same JSON object.
package struct UnwrapKeyRequest: Codable, Sendable {
    package var key: SobjectDescriptor?
    package var alg: CryptoAlgorithm?
    package var mode: EncryptionMode?
    package var wrappedKey: Data
    package var iv: Data?
    package var ad: Data?
    package var tag: Data?
    package var label: Data?
    package var object: SobjectRequest

    package enum CodingKeys: String, CodingKey {
        case key, alg, mode
        case wrappedKey = "wrapped_key"
        case iv, ad, tag, label
    }

    package init(
        key: SobjectDescriptor?, alg: CryptoAlgorithm, mode: EncryptionMode?, wrappedKey: Data, object: SobjectRequest
    ) {
        self.key = key
        self.alg = alg
        self.mode = mode
        self.wrappedKey = wrappedKey
        self.object = object
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        key = try container.decodeIfPresent(SobjectDescriptor.self, forKey: .key)
        alg = try container.decodeIfPresent(CryptoAlgorithm.self, forKey: .alg)
        mode = try container.decodeIfPresent(EncryptionMode.self, forKey: .mode)
        wrappedKey = try container.decode(Data.self, forKey: .wrappedKey)
        iv = try container.decodeIfPresent(Data.self, forKey: .iv)
        ad = try container.decodeIfPresent(Data.self, forKey: .ad)
        tag = try container.decodeIfPresent(Data.self, forKey: .tag)
        label = try container.decodeIfPresent(Data.self, forKey: .label)
        object = try SobjectRequest(from: decoder)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(key, forKey: .key)
        try container.encodeIfPresent(alg, forKey: .alg)
        try container.encodeIfPresent(mode, forKey: .mode)
        try container.encode(wrappedKey, forKey: .wrappedKey)
        try container.encodeIfPresent(iv, forKey: .iv)
        try container.encodeIfPresent(ad, forKey: .ad)
        try container.encodeIfPresent(tag, forKey: .tag)
        try container.encodeIfPresent(label, forKey: .label)
        try object.encode(to: encoder)
    }
}

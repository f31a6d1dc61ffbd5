package import FoundationEssentials
package import KMSModel

/// What requests to encrypt, decrypt, wrap and unwrap have in common.
package struct CipherFields: Sendable {
    package var alg: CryptoAlgorithm?
    package var mode: EncryptionMode?
    package var iv: Data?
    package var ad: Data?
    /// In bits.
    package var tagLen: Int?
    package var tag: Data?
    package var label: Data?

    package init(
        alg: CryptoAlgorithm?, mode: EncryptionMode?, iv: Data? = nil, ad: Data? = nil, tagLen: Int? = nil,
        tag: Data? = nil, label: Data? = nil
    ) {
        self.alg = alg
        self.mode = mode
        self.iv = iv
        self.ad = ad
        self.tagLen = tagLen
        self.tag = tag
        self.label = label
    }

    package init(_ request: EncryptRequest) {
        self.init(
            alg: request.alg, mode: request.mode, iv: request.iv, ad: request.ad, tagLen: request.tagLen,
            label: request.label)
    }

    package init(_ request: DecryptRequest) {
        self.init(
            alg: request.alg, mode: request.mode, iv: request.iv, ad: request.ad, tag: request.tag,
            label: request.label)
    }

    package init(_ request: CipherInitRequest) {
        self.init(alg: request.alg, mode: request.mode, iv: request.iv, ad: request.ad)
    }

    /// What the mode has no use for is an error: it would be taken for something that protects.
    func refuse(_ fields: [Unused], for mode: String) throws(KMSError) {
        for field in fields where field.isPresent(self) {
            throw .badRequest("Field \"\(field.rawValue)\" is not possible with \(mode); leave it out")
        }
    }

    enum Unused: String {
        case iv, ad, tag, label
        case tagLen = "tag_len"

        fileprivate func isPresent(_ fields: CipherFields) -> Bool {
            switch self {
            case .iv: fields.iv != nil
            case .ad: fields.ad != nil
            case .tag: fields.tag != nil
            case .tagLen: fields.tagLen != nil
            case .label: fields.label != nil
            }
        }
    }
}

internal import FoundationEssentials

extension SignResponse {
    /// Reads an answer of the form that practically all have, as `SignRequest.init(plain:)` does; for that,
    /// `JSONDecoder` takes as long as the rest of a request's way through this process.
    ///
    /// nil for everything else, also for what is wrong: the decoder then says what it is.
    package init?(plain bytes: [UInt8]) {
        let found = bytes.withUnsafeBufferPointer { bytes -> SignResponse? in
            var reader = PlainJSON(bytes)
            var kid: String?
            var signature: Data?
            let isPlain = reader.object { name, reader in
                switch name {
                case "kid" where kid == nil:
                    kid = reader.text()
                    return kid != nil
                case "signature" where signature == nil:
                    signature = reader.base64()
                    return signature != nil
                default:
                    return false
                }
            }
            guard isPlain, reader.isAtEnd, let signature else { return nil }
            return SignResponse(kid: kid, signature: signature)
        }
        guard let found else { return nil }
        self = found
    }
}

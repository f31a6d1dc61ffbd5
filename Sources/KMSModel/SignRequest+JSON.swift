internal import FoundationEssentials

extension SignRequest {
    /// The same fields as `encode(to:)` writes.
    package var json: JSONText {
        var text = JSONText(reserving: 256 + (data?.count ?? 0) / 3 * 4)
        if let data { text.add("data", base64: data) }
        if let hash { text.add("hash", base64: hash) }
        text.add("hash_alg", hashAlg.rawValue)
        if let key { text.add("key", key.json) }
        if let mode { text.add("mode", mode.json) }
        return text
    }
}

extension SobjectDescriptor {
    fileprivate var json: JSONText {
        var text = JSONText(reserving: 64)
        if let kid { text.add("kid", kid) }
        if let name { text.add("name", name) }
        if let transientKey { text.add("transient_key", base64: transientKey) }
        return text
    }
}

extension SignatureMode {
    fileprivate var json: JSONText {
        var text = JSONText(reserving: 64)
        switch self {
        case .pkcs1V15:
            text.add("PKCS1_V15", JSONText(reserving: 2))
        case .pss(let mgf):
            var hash = JSONText(reserving: 32)
            if let mgf { hash.add("hash", mgf.rawValue) }
            var mgf1 = JSONText(reserving: 48)
            mgf1.add("mgf1", hash)
            var pss = JSONText(reserving: 64)
            if mgf != nil { pss.add("mgf", mgf1) }
            text.add("PSS", pss)
        }
        return text
    }
}

// The fields of a request to sign, as `encode(to:)` of the same types writes them.
extension JSONText {
    package mutating func add(_ name: StaticString, _ key: SobjectDescriptor) {
        add(name) { text in
            if let kid = key.kid { text.add("kid", kid) }
            if let name = key.name { text.add("name", name) }
            if let blob = key.transientKey { text.add("transient_key", base64: blob) }
        }
    }

    package mutating func add(_ name: StaticString, _ mode: SignatureMode) {
        add(name) { text in
            switch mode {
            case .pkcs1V15: text.add("PKCS1_V15") { _ in }
            case .pss(nil): text.add("PSS") { _ in }
            case .pss(let mgf?):
                text.add("PSS") { $0.add("mgf") { $0.add("mgf1") { $0.add("hash", mgf.rawValue) } } }
            }
        }
    }
}

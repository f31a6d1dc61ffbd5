internal import KMSModel

/// `encryption_policy` or `signature_policy` of an RSA key: which paddings, with which hashes.
///
/// The entries are looked at in their order. The first one that fits the mode allows it, and says what the mode leaves
/// open; without a mode that is the first entry. No entry, or none that fits: the operation is not allowed.
struct PaddingPolicy {
    enum Use: String {
        case encryption, signature

        /// Names of its paddings. The first one is meant where nothing says which.
        fileprivate var names: [String] {
            switch self {
            case .encryption: ["OAEP", "PKCS1_V15", "RAW_DECRYPT"]
            case .signature: ["PKCS1_V15", "PSS"]
            }
        }
    }

    private let entries: [RSAOptions.Policy]
    private let use: Use

    /// - Parameter entries: nil of an object that is no RSA key, such as a certificate: anything.
    init(_ entries: [RSAOptions.Policy]?, of use: Use) {
        self.entries = entries ?? [.init(padding: nil)]
        self.use = use
    }

    /// - Throws: 400 for policies that nothing could ever fit, which would be a misspelling.
    static func check(_ options: RSAOptions) throws(KMSError) {
        for (use, entries) in [(Use.encryption, options.encryptionPolicy), (.signature, options.signaturePolicy)] {
            for padding in (entries ?? []).compactMap(\.padding) { try check(padding, use) }
        }
    }

    private static func check(_ padding: RSAOptions.Padding, _ use: Use) throws(KMSError) {
        let field = "Field \"rsa.\(use.rawValue)_policy\""
        guard use.names.contains(padding.name) else {
            throw .badRequest(
                "\(field) has an unknown padding \(padding.name.prefix(64).quoted); known: "
                    + use.names.joined(separator: " "))
        }
        guard let hash = padding.hash else { return }
        guard padding.name == "OAEP" || padding.name == "PSS" else {
            throw .badRequest("\(field): \(padding.name) has no mgf")
        }
        let known = HashAlgorithm.allCases.filter { $0 != .ssl3 }.map(\.rawValue)
        guard known.contains(hash) else {
            throw .badRequest(
                "\(field) has an unknown hash \(hash.prefix(64).quoted) for MGF1; known: "
                    + known.joined(separator: " "))
        }
    }

    /// - Throws: 403 when the policy does not allow the mode, 400 for a mode that is none of RSA.
    func mode(_ mode: EncryptionMode?) throws(KMSError) -> EncryptionMode {
        if case .symmetric(let mode)? = mode {
            throw .badRequest(
                "Field \"mode\": \(mode.rawValue) is not possible with RSA; use OAEP, PKCS1_V15 or RAW_DECRYPT")
        }
        let (name, hash): (String?, HashAlgorithm?) =
            switch mode {
            case nil, .symmetric?: (nil, nil)
            case .pkcs1V15?: ("PKCS1_V15", nil)
            case .oaep(let hash)?: ("OAEP", hash)
            case .rawDecrypt?: ("RAW_DECRYPT", nil)
            }
        let allowed = try first(name, hash)
        switch allowed.name {
        case "OAEP": return .oaep(try algorithm(allowed))
        case "PKCS1_V15": return .pkcs1V15
        case "RAW_DECRYPT": return .rawDecrypt
        default: throw unknown(allowed)
        }
    }

    /// - Throws: 403 when the policy does not allow the mode.
    func mode(_ mode: SignatureMode?) throws(KMSError) -> SignatureMode {
        let (name, hash): (String?, HashAlgorithm?) =
            switch mode {
            case nil: (nil, nil)
            case .pkcs1V15?: ("PKCS1_V15", nil)
            case .pss(let hash)?: ("PSS", hash)
            }
        let allowed = try first(name, hash)
        switch allowed.name {
        case "PSS": return .pss(mgf: try algorithm(allowed))
        case "PKCS1_V15": return .pkcs1V15
        default: throw unknown(allowed)
        }
    }

    /// What is wanted, completed by the first entry that fits it.
    private func first(_ name: String?, _ hash: HashAlgorithm?) throws(KMSError) -> RSAOptions.Padding {
        for entry in entries {
            guard let padding = entry.padding else {
                // The list of names is never empty.
                return RSAOptions.Padding(name ?? use.names.first ?? "", hash: hash)
            }
            guard name == nil || name == padding.name else { continue }
            guard let hash else { return padding }
            if padding.hash == nil || padding.hash == hash.rawValue { return .init(padding.name, hash: hash) }
        }
        guard let name, !entries.isEmpty else { throw .operationNotAllowed }
        throw .forbidden(
            "Requested operation is not allowed with this key: its \(use.rawValue) policy does not include \(name)"
                + (hash.map { " with \($0.rawValue)" } ?? ""))
    }

    /// Policies of former versions may name what is not known: that is not "any".
    private func algorithm(_ padding: RSAOptions.Padding) throws(KMSError) -> HashAlgorithm? {
        guard let text = padding.hash else { return nil }
        guard let hash = HashAlgorithm(wire: text) else { throw unknown(padding) }
        return hash
    }

    private func unknown(_ padding: RSAOptions.Padding) -> KMSError {
        .forbidden(
            "Requested operation is not allowed with this key: its \(use.rawValue) policy names the unknown padding "
                + padding.name.prefix(64).quoted)
    }
}

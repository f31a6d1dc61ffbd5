internal import CPKCS11
package import KMSBackend
internal import KMSModel
package import KMSSupport
package import OpenSSLCrypto

/// The keys of sessions that this process holds itself: those whose value the host brought with C_CreateObject, or may
/// read anyway. To the rest of the token it is one more KMS, whose operations OpenSSL performs.
package final class LocalKeys: Backend {
    enum Material: Sendable {
        case secret(Secret)
        case privateKey(PrivateKey)
        /// DER SubjectPublicKeyInfo.
        case publicKey([UInt8])
        /// A certificate, or the value of a data object.
        case bytes(Secret)
    }

    struct Entry: Sendable {
        var description: KeyDescription
        let material: Material
    }

    let context: LibraryContext
    private let entries = Locked<[String: Entry]>([:])

    package init(in context: LibraryContext) { self.context = context }

    package var capabilities: Capabilities { Capabilities(rawValue: .max) }

    package func authenticate(_ credential: Secret, deadline: Deadline) throws(BackendError) {}

    package func listKeys(
        matching query: KeyQuery, page: PageToken?, deadline: Deadline
    ) throws(BackendError) -> KeyPage {
        KeyPage(keys: [], next: nil)
    }

    // MARK: The life of keys

    func entry(_ key: KeyID) throws(BackendError) -> Entry {
        guard let entry = entries.withLock({ $0[key.text] }) else {
            throw BackendError(.notFound, "the session key no longer exists")
        }
        return entry
    }

    package func describe(_ key: KeyID, deadline: Deadline) throws(BackendError) -> KeyDescription {
        try entry(key).description
    }

    package func generate(
        _ specification: KeySpecification, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        try crypto { () throws(CryptoError) in
            switch specification.type {
            case .rsa:
                return .privateKey(
                    try PrivateKey.generateRSA(
                        bits: specification.bits ?? 2_048, exponent: specification.publicExponent ?? 65_537,
                        in: context))
            case .ec:
                guard let curve = specification.curve else { throw CryptoError("no curve is given") }
                return .privateKey(try PrivateKey.generateEC(curve, in: context))
            default:
                guard let bits = specification.bits, bits > 0 else { throw CryptoError("no size is given") }
                var bytes = try Random.bytes(bits / 8, in: context)
                return .secret(Secret(copying: &bytes))
            }
        } keep: { material throws(BackendError) in
            try keep(material, specification, isLocal: true)
        }
    }

    package func importKey(
        _ specification: KeySpecification, value: Secret, deadline: Deadline
    ) throws(BackendError) -> KeyDescription {
        try crypto { () throws(CryptoError) in
            switch specification.type {
            case .rsa, .ec:
                if let key = try? PrivateKey(der: value, in: context) { return .privateKey(key) }
                return .publicKey(value.withBytes { Array($0) })
            case .certificate, .opaque: return .bytes(value)
            default: return .secret(value)
            }
        } keep: { material throws(BackendError) in
            try keep(material, specification, isLocal: false)
        }
    }

    package func delete(_ key: KeyID, deadline: Deadline) throws(BackendError) {
        guard entries.withLock({ $0.removeValue(forKey: key.text) }) != nil else {
            throw BackendError(.notFound, "the session key no longer exists")
        }
    }

    package func export(_ key: KeyID, deadline: Deadline) throws(BackendError) -> Secret {
        switch try entry(key).material {
        case .secret(let value), .bytes(let value): return value
        case .publicKey(let info): return Secret(info)
        case .privateKey(let key): return try crypto { () throws(CryptoError) in try key.der() }
        }
    }

    private func keep(
        _ material: Material, _ specification: KeySpecification, isLocal: Bool
    ) throws(BackendError) -> KeyDescription {
        var description = KeyDescription(
            id: try newID(), name: specification.name ?? "", type: specification.type,
            operations: specification.operations)
        description.attributes = specification.attributes
        description.isLocal = isLocal
        description.isNeverExportable = !specification.operations.contains(.export)
        switch material {
        case .secret(let value):
            description.bits = value.count * 8
            description.checkValue = try crypto { () throws(CryptoError) in
                try KeyCheckValue.of(value, type: specification.type, in: context)
            }
        case .bytes(let value):
            description.isPublicOnly = true
            description.value = value.withBytes { Array($0) }
        case .publicKey(let info):
            description.isPublicOnly = true
            description.publicKey = info
        case .privateKey(let key):
            description.bits = key.kind.bits
            description.curve = key.kind.curve
            description.publicKey = try crypto { () throws(CryptoError) in try key.subjectPublicKeyInfo() }
        }
        return store(Entry(description: description, material: material))
    }

    private func store(_ entry: Entry) -> KeyDescription {
        entries.withLock { $0[entry.description.id.text] = entry }
        return entry.description
    }

    /// Random, so that a forked child's keys are not its parent's.
    private func newID() throws(BackendError) -> KeyID {
        let bytes = try crypto { () throws(CryptoError) in try Random.bytes(16, in: context) }
        return KeyID(Hex.text(bytes), .local)
    }

    // MARK: Errors

    func crypto<Result>(
        _ kind: BackendError.Kind = .invalid, _ body: () throws(CryptoError) -> Result
    ) throws(BackendError) -> Result {
        do throws(CryptoError) {
            return try body()
        } catch {
            throw BackendError(kind, error.description)
        }
    }

    private func crypto<Result>(
        _ body: () throws(CryptoError) -> Material, keep: (Material) throws(BackendError) -> Result
    ) throws(BackendError) -> Result {
        try keep(try crypto(.invalid, body))
    }
}

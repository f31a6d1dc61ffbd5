internal import GRDB
internal import KMSModel

/// A new security object on the way from its request to the store or, if it is transient, to the client.
struct ObjectDraft: Sendable {
    /// Where the key material comes from, which decides what the object may do unless its request says less.
    enum Source: Sendable {
        case generated
        case imported
        /// From other keys inside of the KMS; with a link to the one key, if it is stored.
        case derived(from: Sobject)
        case agreed(of: [Sobject])
        case unwrapped(with: Sobject)
        /// The same key again, as a stored object.
        case persisted(Sobject)
        case copied(Sobject)
        /// A new key in the place of an old one; with a value of its own or generated.
        case rotated(Sobject, isImport: Bool)

        /// The object whose rights the new one must not exceed.
        var parent: Sobject? {
            switch self {
            case .generated, .imported, .derived, .agreed, .unwrapped: nil
            case .persisted(let parent), .copied(let parent), .rotated(let parent, _): parent
            }
        }

        /// The objects that the new one is made of, and what is done with them for it.
        fileprivate var uses: [(object: Sobject, action: Policy.Action)] {
            switch self {
            case .generated, .imported, .persisted: []
            case .derived(let parent): [(parent, .deriveKey)]
            case .agreed(let keys): keys.map { ($0, .agreeKey) }
            case .unwrapped(let key): [(key, .unwrapKey)]
            case .copied(let parent): [(parent, .copy)]
            case .rotated(let parent, _): [(parent, .rotate)]
            }
        }

        fileprivate var isImport: Bool {
            switch self {
            case .imported, .unwrapped, .rotated(_, isImport: true): true
            case .generated, .derived, .agreed, .persisted, .copied, .rotated: false
            }
        }

        fileprivate var origin: ObjectOrigin? {
            switch self {
            case .generated, .derived, .agreed, .rotated(_, isImport: false): .fortanixHSM
            case .imported, .unwrapped, .rotated(_, isImport: true): .external
            case .persisted: .transient
            case .copied(let parent): parent.origin
            }
        }
    }

    /// nil only for a transient key.
    let name: String?
    let request: SobjectRequest
    let principal: Principal
    let source: Source
    var isTransient: Bool { request.transient ?? false }
    /// The group that the object belongs to.
    var group = ""

    /// Checks what can be checked before any key material is made or read.
    init(_ request: SobjectRequest, _ source: Source, _ principal: Principal) throws(KMSError) {
        self.request = request
        self.principal = principal
        self.source = source
        let needsNoName = request.transient == true && request.name == nil
        name = needsNoName ? nil : try FieldRules.name(request.name)
        _ = try FieldRules.description(request.description)
        _ = try FieldRules.metadata(request.customMetadata)
        if let options = request.rsa { try PaddingPolicy.check(options) }
        switch request.state {
        case nil, .active?: break
        case .preActive? where request.transient != true: break
        default: throw .badRequest("Field \"state\": a new object is Active or PreActive, a transient one Active")
        }
        switch source {
        case .generated, .agreed, .derived, .persisted, .copied, .unwrapped:
            guard request.value == nil else {
                throw .badRequest("Field \"value\" does not belong here; import with PUT /crypto/v1/keys")
            }
        case .imported, .rotated: break
        }
    }

    /// Part of the transaction that makes it: the key material may have taken seconds, in which what was allowed was
    /// taken away.
    func checkSources(in db: Database) throws {
        for (object, action) in source.uses {
            guard let kid = object.kid else { continue }
            guard let current = try KeyStore.find(kid: kid, account: principal.acctID, in: db)?.object else {
                throw KMSError.noSuchObject
            }
            try Policy.check(principal, may: action, current)
            guard source.parent == nil || current.gives(sameAs: object) else {
                throw KMSError.conflict("\(object.quotedLabel) was changed meanwhile; try again").about(object)
            }
        }
    }

    /// The new object, without `kid` or `transient_key`.
    func object(_ material: KeyMaterial) throws(KMSError) -> Sobject {
        try checkValue(material)
        var object = Sobject(
            kid: nil, name: name, objType: material.type, keyOps: try operations(material),
            enabled: (source.isCopy ? source.parent?.enabled ?? true : true) && request.enabled ?? true,
            publicOnly: material.isPublicOnly)
        object.description = request.description ?? source.parent?.description
        object.keySize = material.bits
        object.ellipticCurve = material.curve
        object.kcv = material.kcv
        object.state = try state()
        object.origin = source.origin
        object.neverExportable = !object.keyOps.contains(.export) && source.parent?.neverExportable ?? true
        object.pubKey = material.publicKey.map { .init($0) }
        object.value = material.publicValue.map { .init($0) }
        object.groupID = group
        object.acctID = principal.acctID
        object.creator = principal.creator
        object.createdAt = .now
        try ObjectDates(request).apply(
            to: &object, wanted: request.state, parent: source.isCopy ? source.parent : nil)
        object.customMetadata = request.customMetadata ?? source.parent?.customMetadata
        if material.type == .rsa, let bits = material.bits, let exponent = material.exponent {
            let wanted = source.parent == nil ? request.rsa : source.parent?.rsa
            object.rsa = KeyRules.rsaOptions(bits: bits, exponent: exponent, wanted: wanted)
        }
        object.links = links
        return object
    }

    private func operations(_ material: KeyMaterial) throws(KMSError) -> KeyOperations {
        let (type, curve, publicOnly) = (material.type, material.curve, material.isPublicOnly)
        let wanted = try request.keyOps.map { wanted throws(KMSError) in
            try KeyRules.checked(wanted, type, curve, publicOnly: publicOnly, isImport: source.isImport)
        }
        guard let parent = source.parent else {
            return wanted
                ?? KeyRules.defaultOperations(type, curve, publicOnly: publicOnly, generated: !source.isImport)
        }
        if let more = wanted?.values.subtracting(parent.keyOps.values).map(\.rawValue).min() {
            throw .badRequest("Field \"key_ops\": \(more) is not among the operations of \(parent.quotedLabel)")
        }
        let possible = KeyRules.operations(type, curve, publicOnly: publicOnly).values
        return wanted ?? KeyOperations(parent.keyOps.values.intersection(possible))
    }

    private func state() throws(KMSError) -> ObjectState {
        guard source.isCopy, let state = source.parent?.currentState, state != .active else {
            return request.state ?? .active
        }
        // Only a PreActive object is copied otherwise, and its copy must be activated, too.
        guard request.state != .active else {
            throw .badRequest("Field \"state\": the copy of a PreActive object is PreActive; use POST …/activate")
        }
        return state
    }

    private func checkValue(_ material: KeyMaterial) throws(KMSError) {
        if source.parent != nil, let wanted = request.rsa, wanted != source.parent?.rsa {
            throw .badRequest("Field \"rsa\" is that of the first object; change it afterwards with PATCH")
        }
        guard let wanted = request.kcv else { return }
        guard let kcv = material.kcv else {
            throw .badRequest("Field \"kcv\": an object of type \(material.type.rawValue) has no key check value here")
        }
        guard wanted.lowercased() == kcv else { throw .badRequest("Field \"kcv\" is not that of the key") }
    }

    private var links: ObjectLinks? {
        var links = ObjectLinks()
        switch source {
        case .generated, .imported, .agreed, .persisted: return nil
        case .derived(let parent): links.parent = parent.kid
        case .unwrapped(let key): links.wrappingKey = key.kid
        case .copied(let parent): links.copiedFrom = parent.kid
        case .rotated(let parent, _): links.replaced = parent.kid
        }
        return links == ObjectLinks() ? nil : links
    }
}

extension ObjectDraft.Source {
    /// The same key again, which must not come to life by being copied.
    fileprivate var isCopy: Bool {
        switch self {
        case .persisted, .copied: true
        case .generated, .imported, .derived, .agreed, .unwrapped, .rotated: false
        }
    }
}

extension Sobject {
    /// Whether what another object inherits is as it was.
    fileprivate func gives(sameAs earlier: Sobject) -> Bool {
        groupID == earlier.groupID && keyOps == earlier.keyOps && rsa == earlier.rsa && enabled == earlier.enabled
            && currentState == earlier.currentState
    }
}

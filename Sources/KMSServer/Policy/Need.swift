internal import KMSModel

extension Policy {
    /// What is done with a security object.
    package enum Action: Sendable, CaseIterable {
        case read, sign, verify, encrypt, decrypt, macGenerate, macVerify
        case wrapKey, unwrapKey, deriveKey, agreeKey, export, digest
        case create, activate, revoke, delete, destroy, deletePrivate, copy, rotate
        // One for each group of fields that has a permission of its own.
        case updateProfile, updateKeyOps, updateEnabledState, updatePolicies, move
    }

    /// What an action with a security object needs of the caller and of the object.
    struct Need {
        /// Of an app, in the object's group: one of the two. nil: seeing the object is enough.
        var permission: AppPermission?
        var otherPermission: AppPermission?
        /// Auditors may do it.
        var isReading = false
        /// Must be among the object's `key_ops`.
        var operation: KeyOperation?
        /// In which the object must be, and enabled; nil: in any.
        var states: States?
        var isChange = false

        static var reading: Need { Need(isReading: true) }

        static func use(
            _ permission: AppPermission, or other: AppPermission? = nil, _ operation: KeyOperation?, in states: States
        ) -> Need {
            Need(permission: permission, otherPermission: other, operation: operation, states: states)
        }

        static func change(_ permission: AppPermission) -> Need {
            Need(permission: .manage, otherPermission: permission, isChange: true)
        }
    }

    /// Sets of states, without an allocation for each request.
    struct States: OptionSet {
        let rawValue: UInt8

        static var active: States { States(.active) }
        /// A key that is no longer Active protects nothing new, but what it protected can still be read and checked.
        static var everActive: States { [States(.active), States(.deactivated), States(.compromised)] }

        init(rawValue: UInt8) { self.rawValue = rawValue }

        init(_ state: ObjectState) {
            let bit: UInt8 =
                switch state {
                case .preActive: 0
                case .active: 1
                case .deactivated: 2
                case .compromised: 3
                case .destroyed: 4
                case .deleted: 5
                }
            rawValue = 1 << bit
        }
    }
}

extension Policy.Action {
    /// The table.
    var need: Policy.Need {
        switch self {
        case .read: .reading
        case .sign: .use(.sign, .sign, in: .active)
        case .verify: .use(.verify, or: .sign, .verify, in: .everActive)
        case .encrypt: .use(.encrypt, .encrypt, in: .active)
        case .decrypt: .use(.decrypt, .decrypt, in: .everActive)
        case .macGenerate: .use(.macGenerate, .macGenerate, in: .active)
        case .macVerify: .use(.macVerify, or: .macGenerate, .macVerify, in: .everActive)
        case .wrapKey: .use(.wrapKey, .wrapKey, in: .active)
        case .unwrapKey: .use(.unwrapKey, .unwrapKey, in: .everActive)
        case .deriveKey: .use(.deriveKey, .deriveKey, in: .active)
        case .agreeKey: .use(.agreeKey, .agreeKey, in: .active)
        case .digest: .use(.calculateDigest, nil, in: .everActive)
        case .export: Policy.Need(permission: .export, operation: .export)
        case .create: Policy.Need(permission: .manage, otherPermission: .createSobjects)
        case .activate: .change(.activateSobjects)
        case .revoke: .change(.revokeSobjects)
        case .delete: .change(.deleteSobjects)
        case .destroy: .change(.destroySobjects)
        case .deletePrivate: .change(.deleteKeyMaterial)
        case .copy: .change(.copySobjects)
        case .rotate: .change(.rotateSobjects)
        case .updateProfile: .change(.updateSobjectsProfile)
        case .updateKeyOps: .change(.updateKeyOps)
        case .updateEnabledState: .change(.updateSobjectsEnabledState)
        case .updatePolicies: .change(.updateSobjectPolicies)
        case .move: .change(.moveSobjects)
        }
    }
}

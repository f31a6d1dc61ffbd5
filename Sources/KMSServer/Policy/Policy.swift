package import KMSModel

/// The one place that decides who may do what to which security object. Controllers ask; they do not compare.
///
/// Users are the account's administrators and may do everything that the object itself allows. Apps see the objects of
/// their groups and need a permission there.
package enum Policy {
    package enum Action: Sendable {
        case read, sign, verify, encrypt, decrypt, macGenerate, macVerify
        case wrapKey, unwrapKey, deriveKey, agreeKey, export, digest
        case activate, revoke, delete, destroy, deletePrivate, copy, rotate
        // One for each group of fields that has a permission of its own.
        case updateProfile, updateKeyOps, updateEnabledState, updatePolicies, move
    }

    /// - Throws: 404 when the object is not visible, else 403 with the reason.
    package static func check(
        _ principal: Principal, may action: Action, _ object: Sobject
    ) throws(KMSError) {
        guard isVisible(object, to: principal) else { throw .noSuchObject }
        do throws(KMSError) {
            try checkPermission(principal, action, object)
            try checkObject(principal, action, object)
            try checkApproval(principal, action, object)
        } catch {
            throw error.about(object)
        }
    }

    package static func isVisible(_ object: Sobject, to principal: Principal) -> Bool {
        guard object.acctID == principal.acctID else { return false }
        guard case .app(let app) = principal else { return true }
        return object.groupID.map { app.groups[$0] != nil } ?? false
    }

    /// - Throws: 403 when the app may not create objects in the group.
    package static func checkCreate(_ principal: Principal, in group: String) throws(KMSError) {
        guard case .app(let app) = principal else { return }
        guard app.may([.manage, .createSobjects], in: group) else {
            throw .forbidden("Requested operation is not allowed: the app may not create objects in group \(group)")
        }
    }

    /// Groups, apps, accounts and users belong to administrators.
    package static func checkAdministrator(_ principal: Principal) throws(KMSError) {
        guard case .user = principal else {
            throw .forbidden("Requested operation is not allowed: it needs a user session, and this is an app's")
        }
    }

    /// The groups whose audit records are visible; nil: all.
    package static func auditGroups(_ principal: Principal) throws(KMSError) -> [String]? {
        guard case .app(let app) = principal else { return nil }
        let groups = app.groups.keys.filter { app.may([.audit], in: $0) }.sorted()
        guard !groups.isEmpty else {
            throw .forbidden("Requested operation is not allowed: the app has the AUDIT permission in no group")
        }
        return groups
    }

    private static func checkPermission(
        _ principal: Principal, _ action: Action, _ object: Sobject
    ) throws(KMSError) {
        guard case .app(let app) = principal, let group = object.groupID else { return }
        let wanted: [AppPermission] =
            switch action {
            case .read: []
            case .sign: [.sign]
            case .verify: [.verify, .sign]
            case .encrypt: [.encrypt]
            case .decrypt: [.decrypt]
            case .macGenerate: [.macGenerate]
            case .macVerify: [.macVerify, .macGenerate]
            case .wrapKey: [.wrapKey]
            case .unwrapKey: [.unwrapKey]
            case .deriveKey: [.deriveKey]
            case .agreeKey: [.agreeKey]
            case .export: [.export]
            case .digest: [.calculateDigest]
            case .updateProfile: [.manage, .updateSobjectsProfile]
            case .updateKeyOps: [.manage, .updateKeyOps]
            case .updateEnabledState: [.manage, .updateSobjectsEnabledState]
            case .updatePolicies: [.manage, .updateSobjectPolicies]
            case .move: [.manage, .moveSobjects]
            case .activate: [.manage, .activateSobjects]
            case .revoke: [.manage, .revokeSobjects]
            case .delete: [.manage, .deleteSobjects]
            case .destroy: [.manage, .destroySobjects]
            case .deletePrivate: [.manage, .deleteKeyMaterial]
            case .copy: [.manage, .copySobjects]
            case .rotate: [.manage, .rotateSobjects]
            }
        guard wanted.isEmpty || app.may(wanted, in: group) else {
            let names = wanted.map(\.rawValue).joined(separator: " or ")
            throw .forbidden("Requested operation is not allowed: the app lacks the permission \(names) in the group")
        }
    }

    private static func checkObject(_ principal: Principal, _ action: Action, _ object: Sobject) throws(KMSError) {
        // A key that is no longer Active protects nothing new, but what it protected can still be read and checked.
        let now: [ObjectState] = [.active]
        let also: [ObjectState] = [.active, .deactivated, .compromised]
        switch action {
        case .read: break
        case .sign: try checkUse(.sign, object, in: now)
        case .verify: try checkUse(.verify, object, in: also)
        case .encrypt: try checkUse(.encrypt, object, in: now)
        case .decrypt: try checkUse(.decrypt, object, in: also)
        case .macGenerate: try checkUse(.macGenerate, object, in: now)
        case .macVerify: try checkUse(.macVerify, object, in: also)
        case .wrapKey: try checkUse(.wrapKey, object, in: now)
        case .unwrapKey: try checkUse(.unwrapKey, object, in: also)
        case .deriveKey: try checkUse(.deriveKey, object, in: now)
        case .agreeKey: try checkUse(.agreeKey, object, in: now)
        case .export: try checkOperation(.export, object)
        case .digest: try checkUsable(object, in: also)
        case .updateProfile, .updateKeyOps, .updateEnabledState, .updatePolicies, .move, .activate, .revoke, .delete,
            .destroy, .deletePrivate, .copy, .rotate:
            // APPMANAGEABLE is what lets an app change the object in any way; users need no such leave.
            if case .app = principal { try checkOperation(.appManageable, object) }
        }
    }

    private static func checkUse(
        _ operation: KeyOperation, _ object: Sobject, in states: [ObjectState]
    ) throws(KMSError) {
        try checkUsable(object, in: states)
        try checkOperation(operation, object)
    }

    private static func checkOperation(_ operation: KeyOperation, _ object: Sobject) throws(KMSError) {
        guard object.keyOps.contains(operation) else { throw .operationNotAllowed }
    }

    private static func checkUsable(_ object: Sobject, in states: [ObjectState]) throws(KMSError) {
        guard object.enabled else {
            throw .forbidden("Requested operation is not allowed with this key: it is disabled")
        }
        let state = object.state ?? .active
        guard states.contains(state) else {
            throw .forbidden("Requested operation is not allowed with this key: it is in state \(state.rawValue)")
        }
    }
}

package import KMSModel

/// The one place that decides who may do what. Controllers ask; they do not compare.
///
/// What each action needs is in two tables: `Need` for security objects, `Reach` for everything else. Here
/// is who has it:
///
/// - An account's administrators have all of the account, within what an object itself allows.
/// - Its auditors read all of it and neither change nor use anything.
/// - Its members have the groups in which they have a role: administrators of a group have all of it, auditors read.
/// - Apps see the objects of their groups and need a permission there.
package enum Policy {
    /// - Throws: 404 when the object is not visible, else 403 with the reason.
    package static func check(
        _ principal: Principal, may action: Action, _ object: Sobject
    ) throws(KMSError) {
        guard isVisible(object, to: principal) else { throw .noSuchObject }
        do throws(KMSError) {
            let need = action.need
            try checkCaller(principal, need, in: object.groupID)
            try checkObject(principal, need, object)
            try checkApproval(principal, action, object)
        } catch {
            throw error.about(object)
        }
    }

    package static func isVisible(_ object: Sobject, to principal: Principal) -> Bool {
        guard object.acctID == principal.acctID else { return false }
        return object.groupID.map { principal.sees(group: $0) } ?? principal.seesAllGroups
    }

    /// - Throws: 403 when the caller may not create objects in the group.
    package static func checkCreate(_ principal: Principal, in group: String) throws(KMSError) {
        try checkCaller(principal, Action.create.need, in: group)
    }

    private static func checkCaller(_ principal: Principal, _ need: Need, in group: String?) throws(KMSError) {
        switch principal {
        case .user(let user):
            guard need.isReading || user.value.administers(group) else {
                throw .forbidden(
                    "Requested operation is not allowed: it needs an administrator of the account or of the group")
            }
        case .app(let app):
            guard let permission = need.permission else { return }
            guard let group, app.may(permission, or: need.otherPermission, in: group) else {
                let names = [permission, need.otherPermission].compactMap { $0?.rawValue }.joined(separator: " or ")
                throw .forbidden(
                    "Requested operation is not allowed: the app lacks the permission \(names) in the group")
            }
        }
    }

    private static func checkObject(_ principal: Principal, _ need: Need, _ object: Sobject) throws(KMSError) {
        if let states = need.states {
            guard object.enabled else {
                throw .forbidden("Requested operation is not allowed with this key: it is disabled")
            }
            let state = object.currentState
            guard states.contains(.init(state)) else {
                throw .forbidden("Requested operation is not allowed with this key: it is in state \(state.rawValue)")
            }
        }
        if let operation = need.operation, !object.keyOps.contains(operation) { throw .operationNotAllowed }
        // APPMANAGEABLE is what lets an app change the object in any way; users need no such leave.
        if need.isChange, case .app = principal, !object.keyOps.contains(.appManageable) {
            throw .operationNotAllowed
        }
    }
}

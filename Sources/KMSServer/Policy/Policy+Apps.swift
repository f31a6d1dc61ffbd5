/// Apps: whoever may change one can have its rights.
extension Policy {
    /// - Parameter forms: of the app, before and after the change.
    /// - Throws: 403 unless all that the app has and gets is the caller's to give.
    static func check(
        _ principal: Principal, may action: Administration, _ forms: AppRecord...
    ) throws(KMSError) {
        let groups = forms.reduce(into: Set<String>()) { $0.formUnion($1.groups.keys) }
        try check(principal, may: action, in: groups)
        if forms.contains(where: \.isAdministrative) { try check(principal, may: .grantAdministration) }
    }

    /// Whoever has the credential of an approver has the approver's vote, so it is as good as an object of the groups
    /// in which the vote counts.
    ///
    /// - Throws: 403 when one of the groups has not approved it.
    static func checkApproval(
        _ principal: Principal, credentialOf approver: String, _ guarded: GuardedGroups
    ) throws(KMSError) {
        guard principal.guardedGroups.isDisjoint(with: guarded.decided(by: approver)) else { throw .approvalRequired }
    }
}

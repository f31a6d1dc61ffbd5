import KMSModel
import KMSServer
import KMSSupport
import Testing

@Suite("Policy")
struct PolicyTests {
    static let user = Principal.user(
        Shared(
            UserRecord(
                id: "u", acctID: "account", email: "admin@localhost", passwordHash: "",
                createdAt: Timestamp(seconds: 0))))

    static func app(_ groups: [String: Set<AppPermission>?]) -> Principal {
        .app(
            Shared(
                AppRecord(
                    id: "a", acctID: "account", name: "app", createdAt: Timestamp(seconds: 0),
                    groups: groups, secretHash: Secret(""), sealedSecret: [])))
    }

    static func object(_ operations: KeyOperations, group: String = "g", state: ObjectState = .active) -> Sobject {
        var object = Sobject(kid: "k", name: "key", objType: .rsa, keyOps: operations)
        object.acctID = "account"
        object.groupID = group
        object.state = state
        return object
    }

    func status(_ principal: Principal, _ action: Policy.Action, _ object: Sobject) -> Int {
        do throws(KMSError) {
            try Policy.check(principal, may: action, object)
            return 200
        } catch {
            return error.status.code
        }
    }

    @Test("an app sees the objects of its groups only")
    func visibility() {
        let member = PolicyTests.app(["g": nil])
        #expect(status(member, .read, PolicyTests.object([.sign])) == 200)
        #expect(status(member, .read, PolicyTests.object([.sign], group: "other")) == 404)
        #expect(status(PolicyTests.app([:]), .sign, PolicyTests.object([.sign])) == 404)
        #expect(status(PolicyTests.user, .read, PolicyTests.object([.sign], group: "other")) == 200)
        var foreign = PolicyTests.object([.sign])
        foreign.acctID = "another account"
        #expect(status(PolicyTests.user, .read, foreign) == 404)
        #expect(status(member, .read, foreign) == 404)
    }

    @Test("the object's operations bind everybody")
    func operations() {
        for principal in [PolicyTests.user, PolicyTests.app(["g": nil])] {
            #expect(status(principal, .sign, PolicyTests.object([.verify])) == 403)
            #expect(status(principal, .sign, PolicyTests.object([.sign])) == 200)
            #expect(status(principal, .verify, PolicyTests.object([.sign])) == 403)
            #expect(status(principal, .export, PolicyTests.object([.sign, .verify, .appManageable])) == 403)
            #expect(status(principal, .export, PolicyTests.object([.export])) == 200)
        }
        #expect(status(PolicyTests.app(["g": nil]), .delete, PolicyTests.object([.sign])) == 403)
        #expect(status(PolicyTests.app(["g": nil]), .delete, PolicyTests.object([.appManageable])) == 200)
        #expect(status(PolicyTests.user, .delete, PolicyTests.object([.sign])) == 200)
    }

    @Test("an app needs a permission in the object's group")
    func permissions() {
        let signer = PolicyTests.app(["g": [.sign]])
        let all = PolicyTests.object([.sign, .verify, .export, .appManageable])
        #expect(status(signer, .sign, all) == 200)
        #expect(status(signer, .verify, all) == 200)
        for action in [Policy.Action.export, .updateProfile, .updateKeyOps, .move, .delete, .activate, .revoke] {
            #expect(status(signer, action, all) == 403)
        }
        #expect(status(PolicyTests.app(["g": []]), .sign, all) == 403)
        #expect(status(PolicyTests.app(["g": [.manage]]), .delete, all) == 200)
    }

    @Test(
        "each kind of change has its permission, and MANAGE covers all",
        arguments: [
            (Policy.Action.updateProfile, AppPermission.updateSobjectsProfile), (.updateKeyOps, .updateKeyOps),
            (.updateEnabledState, .updateSobjectsEnabledState), (.updatePolicies, .updateSobjectPolicies),
            (.move, .moveSobjects), (.activate, .activateSobjects), (.revoke, .revokeSobjects),
            (.delete, .deleteSobjects), (.destroy, .destroySobjects), (.deletePrivate, .deleteKeyMaterial),
            (.copy, .copySobjects), (.rotate, .rotateSobjects),
        ])
    func changes(action: Policy.Action, permission: AppPermission) {
        let object = PolicyTests.object([.sign, .appManageable])
        #expect(status(PolicyTests.app(["g": [permission]]), action, object) == 200)
        #expect(status(PolicyTests.app(["g": [.manage]]), action, object) == 200)
        let others = AppPermission.allCases.filter { $0 != permission && $0 != .manage }
        #expect(status(PolicyTests.app(["g": Set(others)]), action, object) == 403)
        // Without APPMANAGEABLE no app changes the object, whatever its permissions; users do.
        #expect(status(PolicyTests.app(["g": nil]), action, PolicyTests.object([.sign])) == 403)
        #expect(status(PolicyTests.user, action, PolicyTests.object([.sign])) == 200)
    }

    @Test(
        "a key signs in state Active, and verifies also afterwards",
        arguments: [
            (ObjectState.active, 200, 200), (.preActive, 403, 403), (.deactivated, 403, 200), (.compromised, 403, 200),
            (.destroyed, 403, 403),
        ])
    func states(state: ObjectState, signing: Int, verifying: Int) {
        let object = PolicyTests.object([.sign, .verify], state: state)
        #expect(status(PolicyTests.user, .sign, object) == signing)
        #expect(status(PolicyTests.user, .verify, object) == verifying)
    }

    @Test(
        "each operation needs its key operation and its permission, and reading goes on after Active",
        arguments: [
            (Policy.Action.encrypt, KeyOperation.encrypt, AppPermission.encrypt, false),
            (.decrypt, .decrypt, .decrypt, true), (.macGenerate, .macGenerate, .macGenerate, false),
            (.macVerify, .macVerify, .macVerify, true), (.wrapKey, .wrapKey, .wrapKey, false),
            (.unwrapKey, .unwrapKey, .unwrapKey, true), (.deriveKey, .deriveKey, .deriveKey, false),
            (.agreeKey, .agreeKey, .agreeKey, false),
        ])
    func uses(action: Policy.Action, operation: KeyOperation, permission: AppPermission, alsoLater: Bool) {
        let app = PolicyTests.app(["g": [permission]])
        #expect(status(app, action, PolicyTests.object([operation])) == 200)
        let others = KeyOperation.allCases.filter { $0 != operation }
        #expect(status(app, action, PolicyTests.object(KeyOperations(others))) == 403)
        let permissions = AppPermission.allCases.filter {
            $0 != permission && !(permission == .macVerify && $0 == .macGenerate)
        }
        #expect(status(PolicyTests.app(["g": Set(permissions)]), action, PolicyTests.object([operation])) == 403)
        for state in [ObjectState.deactivated, .compromised] {
            #expect(status(app, action, PolicyTests.object([operation], state: state)) == (alsoLater ? 200 : 403))
        }
        for state in [ObjectState.preActive, .destroyed] {
            #expect(status(app, action, PolicyTests.object([operation], state: state)) == 403)
        }
        var disabled = PolicyTests.object([operation])
        disabled.enabled = false
        #expect(status(PolicyTests.user, action, disabled) == 403)
    }

    @Test("a disabled key does nothing")
    func disabled() {
        var object = PolicyTests.object([.sign, .verify])
        object.enabled = false
        #expect(status(PolicyTests.user, .sign, object) == 403)
        #expect(status(PolicyTests.user, .verify, object) == 403)
        #expect(status(PolicyTests.user, .read, object) == 200)
    }
}

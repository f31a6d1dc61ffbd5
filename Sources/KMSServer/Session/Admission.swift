internal import GRDB
package import Hummingbird

/// Lets requests in.
///
/// Who makes a request and what is guarded is decided when all of it has arrived: who holds a body back would otherwise
/// act with rights that were withdrawn meanwhile. And what a request changes is decided again in the transaction of the
/// change: had the rights changed on the way there, nothing is written, and the request is begun anew.
package struct Admission: Sendable {
    let authenticator: Authenticator
    let guardedGroups: GuardedGroups

    /// The caller's rights are not what they were when the request began.
    private struct Stale: Error {}

    /// How often a request is begun at the most.
    private static var attempts: Int { 5 }

    /// - Parameter handler: may be called again, as long as it has changed nothing.
    func admit(
        _ request: Request, _ context: KMSContext,
        _ handler: (Request, Principal) async throws -> Response
    ) async throws -> Response {
        // Strangers shall not make the server hold much.
        if request.hasBody, !request.isShort { _ = try await authenticator.principal(of: request, context: context) }
        let request = try await request.complete()
        for _ in 0..<Admission.attempts {
            do {
                return try await handler(request, try await principal(of: request, context))
            } catch is Stale {
                continue
            }
        }
        throw KMSError(.serviceUnavailable, "Your rights keep changing while the request is under way; try again")
    }

    /// Who makes a request, with the rights of this moment.
    package func principal(of request: Request, _ context: KMSContext) async throws -> Principal {
        var principal = try await authenticator.principal(of: request, context: context)
        principal.guardedGroups = guardedGroups.closed(to: context.approval)
        return principal
    }

    /// Part of a transaction: the caller must be what the caller was when the request began.
    func check(_ principal: Principal, _ context: KMSContext, in db: Database) throws {
        var current: Principal? =
            switch principal {
            case .app(let app): try AppStore.find(id: app.id, in: db).map { .app(Shared($0)) }
            case .user(let user):
                try UserStore.find(id: user.id, account: user.acctID, in: db).map { .user(Shared($0)) }
            }
        current?.guardedGroups = guardedGroups.closed(to: context.approval)
        guard current == principal else {
            authenticator.apps.forget(principal.id)
            throw Stale()
        }
    }
}

extension Vault {
    package var admission: Admission { Admission(authenticator: authenticator, guardedGroups: guardedGroups) }
}

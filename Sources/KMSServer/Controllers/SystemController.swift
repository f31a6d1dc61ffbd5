internal import GRDB
internal import Hummingbird
internal import KMSModel

/// GET /sys/v1/version and /sys/v1/health, without authentication.
struct SystemController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.open(.get, "/sys/v1/version") { _, _ in
            try .json(VersionResponse(version: Server.version, apiVersion: "v1", serverMode: "Software"))
        }
        routes.open(.get, "/sys/v1/health") { [vault] _, context in
            do {
                if vault.storage.lastFailure != nil { try await vault.probeStorage() }
                _ = try await vault.pool.read { db in try AccountStore.all(in: db).count }
            } catch let error as DatabaseError {
                context.logger.error("the database does not answer", metadata: ["error": "\(error)"])
                throw KMSError(
                    .serviceUnavailable, KMSError(storage: error)?.message ?? "The database does not answer")
            }
            return .noContent
        }
    }
}

internal import GRDB
internal import Hummingbird

/// GET /sys/v1/health, as Fortanix has it: does the service work? GET /sys/v1/health/ready: shall requests be sent here?
/// Both without authentication.
struct HealthController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.open(.get, "/sys/v1/health") { _, context in
            try await check(context)
            return .noContent
        }
        routes.open(.get, "/sys/v1/health/ready") { _, context in
            if let reason = vault.status.notReady { throw KMSError(.serviceUnavailable, reason) }
            try await check(context)
            return .noContent
        }
    }

    /// - Throws: 503 when the database cannot be read, or could not be written last time and still cannot.
    private func check(_ context: KMSContext) async throws {
        do {
            if vault.storage.lastFailure != nil { try await vault.probeStorage() }
            _ = try await vault.pool.read { db in try AccountStore.all(in: db).count }
        } catch let error as DatabaseError {
            context.logger.error("the database does not answer", metadata: ["error": "\(error)"])
            throw KMSError(.serviceUnavailable, KMSError(storage: error)?.message ?? "The database does not answer")
        }
    }
}

internal import GRDB
internal import Hummingbird

/// GET /sys/v1/health, as Fortanix has it: does the service work? GET /sys/v1/health/ready: shall requests be sent here?
/// Both without authentication.
struct HealthController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.open(.get, "/sys/v1/health") { _, _ in
            try await check()
            return .noContent
        }
        routes.open(.get, "/sys/v1/health/ready") { _, _ in
            if let reason = vault.status.notReady { throw KMSError(.serviceUnavailable, reason) }
            try await check()
            return .noContent
        }
    }

    /// - Throws: 503 when the database cannot be read, or could not be written last time and still cannot.
    private func check() async throws {
        do {
            if vault.storage.lastFailure != nil { try await vault.probeStorage() }
            _ = try await vault.pool.read { db in try AccountStore.ids(in: db).count }
        } catch let error as DatabaseError {
            let answer = KMSError(storage: error) ?? KMSError(.serviceUnavailable, "The database does not answer")
            vault.storage.failed(answer, "\(error)")
            throw KMSError(.serviceUnavailable, answer.message)
        }
    }
}

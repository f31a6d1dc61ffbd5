internal import Hummingbird
internal import KMSModel

/// GET /sys/v1/version, without authentication.
struct SystemController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.open(.get, "/sys/v1/version") { _, _ in
            try .json(VersionResponse(version: Server.version, apiVersion: "v1", serverMode: "Software"))
        }
    }
}

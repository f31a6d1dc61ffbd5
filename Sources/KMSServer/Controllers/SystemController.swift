internal import Hummingbird
internal import KMSModel

/// GET /sys/v1/version, without authentication, and what there is none of.
struct SystemController {
    let vault: Vault

    func addRoutes(to routes: RouteTable) {
        routes.open(.get, "/sys/v1/version") { _, _ in
            try .json(VersionResponse(version: Server.version, apiVersion: "v1", serverMode: "Software"))
        }
        // There are no plugins, but the official client lists them before it shows the audit log.
        routes.on(.get, "/sys/v1/plugins") { _, _, _ in try .json([String]()) }
    }
}

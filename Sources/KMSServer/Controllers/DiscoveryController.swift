internal import Hummingbird

/// POST /sys/v1/session/auth/discover: how a user can log in. The same for everybody, for it must not tell which users
/// there are.
struct DiscoveryController {
    func addRoutes(to routes: RouteTable) {
        routes.open(.post, "/sys/v1/session/auth/discover") { _, _ in try .json([["method": "password"]]) }
    }
}

package import Hummingbird

/// The whole API.
package enum Routes {
    package static func router(for vault: Vault) -> Router<KMSContext> {
        let routes = RouteTable(authenticator: vault.authenticator)
        SystemController(vault: vault).addRoutes(to: routes)
        SessionController(vault: vault).addRoutes(to: routes)
        AccountController(vault: vault).addRoutes(to: routes)
        GroupController(vault: vault).addRoutes(to: routes)
        AppController(vault: vault).addRoutes(to: routes)
        KeyController(vault: vault).addRoutes(to: routes)
        SignatureController(vault: vault).addRoutes(to: routes)
        LogController(vault: vault).addRoutes(to: routes)
        return routes.build()
    }
}

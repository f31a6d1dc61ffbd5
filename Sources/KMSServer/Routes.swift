package import Hummingbird

/// The whole API.
package enum Routes {
    package static func router(for vault: Vault) -> Router<KMSContext> {
        let batches = GenericBatchController()
        let router = table(for: vault, batches).build()
        batches.use(router)
        return router
    }

    /// What the router is made of, for tests that leave no route out.
    package static func table(for vault: Vault) -> RouteTable { table(for: vault, GenericBatchController()) }

    private static func table(for vault: Vault, _ batches: GenericBatchController) -> RouteTable {
        let routes = RouteTable(authenticator: vault.authenticator)
        SystemController(vault: vault).addRoutes(to: routes)
        SessionController(vault: vault).addRoutes(to: routes)
        AccountController(vault: vault).addRoutes(to: routes)
        OwnUserController(vault: vault).addRoutes(to: routes)
        UserController(vault: vault).addRoutes(to: routes)
        GroupController(vault: vault).addRoutes(to: routes)
        AppController(vault: vault).addRoutes(to: routes)
        AppCredentialController(vault: vault).addRoutes(to: routes)
        KeyController(vault: vault).addRoutes(to: routes)
        SignatureController(vault: vault).addRoutes(to: routes)
        CipherController(vault: vault).addRoutes(to: routes)
        MACController(vault: vault).addRoutes(to: routes)
        BatchController(vault: vault).addRoutes(to: routes)
        LifeCycleController(vault: vault).addRoutes(to: routes)
        TransportController(vault: vault).addRoutes(to: routes)
        DerivationController(vault: vault).addRoutes(to: routes)
        KeyCheckController(vault: vault).addRoutes(to: routes)
        LogController(vault: vault).addRoutes(to: routes)
        batches.addRoutes(to: routes)
        return routes
    }
}

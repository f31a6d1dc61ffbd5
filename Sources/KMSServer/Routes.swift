package import Hummingbird

/// The whole API.
package enum Routes {
    package static func router(for vault: Vault) -> Router<KMSContext> {
        let (routes, batches) = table(for: vault)
        let router = routes.build()
        batches.use(router)
        return router
    }

    /// Every route as method and pattern, for tests that leave none out.
    package static func patterns(for vault: Vault) -> [String] { table(for: vault).routes.patterns }

    private static func table(for vault: Vault) -> (routes: RouteTable, batches: GenericBatchController) {
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
        let batches = GenericBatchController()
        batches.addRoutes(to: routes)
        return (routes, batches)
    }
}

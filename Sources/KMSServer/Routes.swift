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
        CipherController(vault: vault).addRoutes(to: routes)
        MACController(vault: vault).addRoutes(to: routes)
        BatchController(vault: vault).addRoutes(to: routes)
        LifeCycleController(vault: vault).addRoutes(to: routes)
        TransportController(vault: vault).addRoutes(to: routes)
        DerivationController(vault: vault).addRoutes(to: routes)
        KeyCheckController(vault: vault).addRoutes(to: routes)
        AttestationController(vault: vault).addRoutes(to: routes)
        ReplacementController(vault: vault).addRoutes(to: routes)
        DiscoveryController().addRoutes(to: routes)
        LogController(vault: vault).addRoutes(to: routes)
        let batches = GenericBatchController()
        batches.addRoutes(to: routes)
        let router = routes.build()
        batches.use(router)
        return router
    }
}

package import Hummingbird

/// The whole API.
package enum Routes {
    package static func router(for vault: Vault) -> Router<KMSContext> { all(for: vault).router }

    /// The router, and the short way past it.
    ///
    /// - Parameter publicMetrics: /metrics is there for everybody.
    static func all(
        for vault: Vault, publicMetrics: Bool = false
    ) -> (router: Router<KMSContext>, quick: [QuickRoutes.Route]) {
        let inner = InnerRequests()
        let table = table(for: vault, inner, publicMetrics: publicMetrics)
        let router = table.build()
        inner.use(router)
        return (router, table.quick)
    }

    /// What the router is made of, for the comparison with the API's description.
    package static func table(for vault: Vault) -> RouteTable {
        table(for: vault, InnerRequests(), publicMetrics: false)
    }

    private static func table(for vault: Vault, _ inner: InnerRequests, publicMetrics: Bool) -> RouteTable {
        let routes = RouteTable(vault: vault)
        SystemController(vault: vault).addRoutes(to: routes)
        HealthController(vault: vault).addRoutes(to: routes)
        MetricsController(vault: vault, isPublic: publicMetrics).addRoutes(to: routes)
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
        AttestationController(vault: vault).addRoutes(to: routes)
        ReplacementController(vault: vault).addRoutes(to: routes)
        DiscoveryController().addRoutes(to: routes)
        LogController(vault: vault).addRoutes(to: routes)
        PluginController(vault: vault).addRoutes(to: routes)
        GenericBatchController(inner: inner).addRoutes(to: routes)
        ApprovalController(vault: vault, inner: inner).addRoutes(to: routes)
        return routes
    }

    /// What the loopback listener of `metrics.listen` answers. What is asked there does not count as requests.
    static func operation(of vault: Vault) -> Router<KMSContext> {
        let routes = RouteTable(vault: vault, metrics: RequestMetrics())
        HealthController(vault: vault).addRoutes(to: routes)
        MetricsController(vault: vault, isPublic: true).addRoutes(to: routes)
        return routes.build()
    }
}

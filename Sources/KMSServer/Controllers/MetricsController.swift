internal import Hummingbird

/// GET /metrics in Prometheus' text format, for whoever may read the audit log, or for anybody.
struct MetricsController {
    let vault: Vault
    let isPublic: Bool

    func addRoutes(to routes: RouteTable) {
        if isPublic {
            routes.open(.get, "/metrics") { _, _ in try await answer() }
        } else {
            routes.on(.get, "/metrics") { _, _, principal in
                _ = try Policy.auditGroups(principal)
                return try await answer()
            }
        }
    }

    private func answer() async throws -> Response {
        let text = try await MetricsReport(vault: vault).text()
        return Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}

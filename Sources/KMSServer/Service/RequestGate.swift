internal import HTTPTypes
package import Hummingbird

/// In front of the router: counts the requests that are being answered, and refuses those beyond the limit at once,
/// so that the others are answered in time. A server that stops says so, and the client does not send its next request
/// on a connection that is being closed.
package struct RequestGate: HTTPResponder {
    package typealias Context = KMSContext

    private let router: RouterResponder<KMSContext>
    private let vault: Vault
    private let limit: Int

    package init(_ router: Router<KMSContext>, vault: Vault, limit: Int) {
        self.router = router.buildResponder()
        self.vault = vault
        self.limit = limit
    }

    package func respond(to request: Request, context: KMSContext) async throws -> Response {
        let count = vault.metrics.inFlight.add(1)
        defer { vault.metrics.inFlight.add(-1) }
        var response: Response
        if count > limit {
            vault.metrics.requestsRefused.add()
            response = try KMSError(.serviceUnavailable, "The server answers \(limit) requests already; try again soon")
                .response(from: request, context: context)
        } else {
            response = try await router.respond(to: request, context: context)
        }
        if vault.status.phase == .stopping { response.headers[.connection] = "close" }
        return response
    }
}

package import HTTPTypes
package import Hummingbird

/// Collects the routes of all controllers, so that a known path with another method is 405 and not 404.
package final class RouteTable {
    package typealias OpenHandler = @Sendable (Request, KMSContext) async throws -> Response
    package typealias Handler = @Sendable (Request, KMSContext, Principal) async throws -> Response

    private let router = Router(context: KMSContext.self, options: .autoGenerateHeadEndpoints)
    private let admission: Admission
    private let metrics: RequestMetrics
    /// Of each path. Its parameters begin with a colon.
    package private(set) var methods: [String: [HTTPRequest.Method]] = [:]
    /// The routes that have a short way, too.
    private(set) var quick: [QuickRoutes.Route] = []

    /// - Parameter metrics: where its requests are counted; else with the vault's.
    package init(vault: Vault, metrics: RequestMetrics? = nil) {
        admission = vault.admission
        self.metrics = metrics ?? vault.metrics.requests
        router.add(middleware: RequestLog(metrics: self.metrics, storage: vault.storage))
    }

    /// A route that anybody may call.
    package func open(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping OpenHandler) {
        methods[path, default: []].append(method)
        router.on(RouterPath(path), method: method) { request, context in try await handler(request, context) }
    }

    /// A route for authenticated apps and users. What they are refused is recorded here, for all routes.
    ///
    /// - Parameter quick: answers what it can before `handler` is asked; for POST.
    package func on(
        _ method: HTTPRequest.Method, _ path: String, quick: QuickHandler? = nil, _ handler: @escaping Handler
    ) {
        if let quick { self.quick.append(QuickRoutes.Route(path, quick)) }
        open(method, path) { [admission] request, context in
            try await admission.admit(request, context) { request, principal in
                do {
                    return try await handler(request, context, principal)
                } catch let error as KMSError where error.status == .forbidden {
                    try await admission.authenticator.audit.record(
                        AuditEvent(refusal: error, of: "\(method) \(path)", by: principal, context))
                    throw error
                }
            }
        }
    }

    /// The router, with a 405 for every method that a path does not have.
    package func build() -> Router<KMSContext> {
        metrics.prepare(methods)
        let all: [HTTPRequest.Method] = [.get, .post, .put, .patch, .delete, .head, .options]
        for (path, allowed) in methods {
            let names = allowed.map(\.rawValue).joined(separator: ", ")
            for method in all where !allowed.contains(method) && !(method == .head && allowed.contains(.get)) {
                router.on(RouterPath(path), method: method) { request, context in
                    var response = try KMSError(.methodNotAllowed, "\(method) is not possible here; use \(names)")
                        .response(from: request, context: context)
                    response.headers[.allow] = names
                    return response
                }
            }
        }
        return router
    }
}

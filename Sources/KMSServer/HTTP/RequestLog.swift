internal import GRDB
internal import HTTPTypes
package import Hummingbird
internal import Logging

/// Outermost middleware: turns every error into its plain-text answer, counts and logs the request.
///
/// Logged are method, path, status and duration; never headers, query or bodies, which carry secrets.
package struct RequestLog: RouterMiddleware {
    let metrics: RequestMetrics
    let storage: StorageHealth

    package func handle(
        _ request: Request, context: KMSContext, next: (Request, KMSContext) async throws -> Response
    ) async throws -> Response {
        // Before the items of a batch, which share the context, overwrite it.
        let route = context.endpointPath
        var response: Response
        do {
            response = try await next(request, context)
        } catch let error as KMSError {
            context.logger.debug("refused", metadata: ["message": "\(error.message)"])
            response = try error.response(from: request, context: context)
        } catch let error as HTTPError where error.status == .notFound {
            response = try KMSError.notFound("There is no \(request.method) \(request.uri.path.prefix(200))")
                .response(from: request, context: context)
        } catch let error as any HTTPResponseError {
            response = try KMSError(error.status, error.status.reasonPhrase).response(from: request, context: context)
        } catch let error as DatabaseError {
            response = try report(error, request, context).response(from: request, context: context)
        } catch is CancellationError {
            response = try KMSError(.serviceUnavailable, "The server is stopping")
                .response(from: request, context: context)
        } catch {
            context.logger.error("request failed", metadata: ["error": "\(error)", "path": "\(request.uri.path)"])
            response = try KMSError.internalError.response(from: request, context: context)
        }
        // Such a body is made while it is sent.
        if response.body.contentLength == nil { response.body = watched(response.body, request, context) }
        response.headers[.xRequestID] = context.id
        metrics.count(route, request.method, response.status.code, since: context.started)
        context.logger.debug(
            "request",
            metadata: [
                "method": "\(request.method)", "route": "\(route ?? "-")", "path": "\(request.uri.path)",
                "status": "\(response.status.code)",
                "duration": "\(ContinuousClock.now - context.started)", "client": "\(context.clientAddress ?? "-")",
            ])
        return response
    }

    private func report(_ error: DatabaseError, _ request: Request, _ context: KMSContext) -> KMSError {
        if let answer = KMSError(storage: error) {
            storage.failed(answer, "\(error)")
            return answer
        }
        // Its text names tables and columns; statements' arguments are not part of it.
        context.logger.error("the database failed", metadata: ["error": "\(error)", "path": "\(request.uri.path)"])
        return .internalError
    }

    /// The status has left when it fails; what is left to do is to say so.
    private func watched(_ body: ResponseBody, _ request: Request, _ context: KMSContext) -> ResponseBody {
        ResponseBody { writer in
            do {
                try await body.write(writer)
            } catch let error as DatabaseError {
                throw report(error, request, context)
            }
        }
    }
}

extension HTTPField.Name {
    fileprivate static let xRequestID = HTTPField.Name("x-request-id") ?? .location
}

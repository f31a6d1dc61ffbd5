internal import KMSSupport

/// One endpoint as libcurl sees it: its settings and the connections to it.
final class CurlNode: Sendable {
    let url: EndpointURL
    private let pool: CurlPool<CurlHandle>
    /// Made at the first request.
    let settings = Locked<CurlSettings?>(nil)

    init(_ url: EndpointURL, maximumIdleSeconds: Int) {
        self.url = url
        pool = CurlPool(maximumIdleSeconds: maximumIdleSeconds)
    }

    /// Inside `CurlScope`: ends all idle connections.
    func close() { pool.removeAll() }

    /// One try, or two when a kept connection was closed by the server meanwhile. Inside `CurlScope`.
    func attempt(
        _ request: HTTPRequest, _ settings: CurlSettings, _ limits: Endpoints.Limits
    ) throws(TransportError) -> HTTPResponse {
        do throws(CurlExchange.Failure) {
            return try exchange(request, settings, limits, isFresh: false)
        } catch {
            let mayRepeat = request.isRepeatable || error.error.wasNeverSent
            guard error.isStaleConnection, mayRepeat, !limits.deadline.isOver else { throw error.error }
            settings.options.counters.count(.staleConnections)
        }
        do throws(CurlExchange.Failure) {
            return try exchange(request, settings, limits, isFresh: true)
        } catch {
            throw error.error
        }
    }

    private func exchange(
        _ request: HTTPRequest, _ settings: CurlSettings, _ limits: Endpoints.Limits, isFresh: Bool
    ) throws(CurlExchange.Failure) -> HTTPResponse {
        let began = Deadline.now
        let handle: CurlHandle
        do throws(TransportError) {
            if let idle = pool.take(now: began) { handle = idle } else { handle = try CurlHandle(settings) }
        } catch {
            throw CurlExchange.Failure(error: error, isStaleConnection: false)
        }
        // A handle whose request failed is not put back: it ends here, with its connection.
        let response = try CurlExchange(handle: handle, settings: settings, limits: limits)
            .run(request, isFresh: isFresh, since: began)
        pool.put(handle)
        return response
    }
}

package import HTTPTypes
internal import Hummingbird
internal import Synchronization

/// Requests by route pattern, method and class of the status, and how long they took.
package final class RequestMetrics: Sendable {
    /// Seconds up to which requests are counted together.
    package static var bounds: [Double] {
        [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    }

    package let duration = Histogram(bounds: bounds.map { UInt64($0 * 1e9) })
    /// Written once, when all routes are known; read without a lock.
    private let table = AtomicLazyReference<Table>()
    private let unknown = Route("none", [])

    package init() {}

    /// - Parameter routes: path patterns with their methods.
    package func prepare(_ routes: [String: [HTTPRequest.Method]]) {
        let known = routes.map { Route(RouterPath($0.key).description, $0.value) }
        _ = table.storeIfNil(Table(known))
    }

    /// - Parameter pattern: of the route that was taken; nil when there was none.
    package func count(
        _ pattern: String?, _ method: HTTPRequest.Method, _ status: Int, since start: ContinuousClock.Instant
    ) {
        let route = pattern.flatMap { table.load()?.routes[$0] } ?? unknown
        route.count(method, status)
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        duration.observe(UInt64(max(0, seconds)) &* 1_000_000_000 &+ UInt64(max(0, attoseconds / 1_000_000_000)))
    }

    /// What occurred at all.
    package var all: [(route: String, method: String, status: String, count: UInt64)] {
        let routes = (table.load()?.routes.values.sorted { $0.pattern < $1.pattern } ?? []) + [unknown]
        return routes.flatMap(\.all)
    }
}

private final class Table: Sendable {
    let routes: [String: Route]

    init(_ routes: [Route]) { self.routes = Dictionary(routes.map { ($0.pattern, $0) }) { first, _ in first } }
}

private final class Route: Sendable {
    private typealias Method = (name: String, counters: [Counter])

    let pattern: String
    private let methods: [Method]
    private let other: Method

    init(_ pattern: String, _ methods: [HTTPRequest.Method]) {
        self.pattern = pattern
        // Several handlers may share a path and method in no case; HEAD comes with GET.
        let names = methods.map(\.rawValue) + (methods.contains(.get) ? ["HEAD"] : [])
        self.methods = names.map { ($0, (1...5).map { _ in Counter() }) }
        other = ("other", (1...5).map { _ in Counter() })
    }

    func count(_ method: HTTPRequest.Method, _ status: Int) {
        let entry = methods.first { $0.name == method.rawValue } ?? other
        entry.counters[min(max(status / 100, 1), 5) - 1].add()
    }

    var all: [(route: String, method: String, status: String, count: UInt64)] {
        (methods + [other]).flatMap { method in
            method.counters.enumerated().compactMap { index, counter in
                let count = counter.value
                return count == 0 ? nil : (pattern, method.name, "\(index + 1)xx", count)
            }
        }
    }
}

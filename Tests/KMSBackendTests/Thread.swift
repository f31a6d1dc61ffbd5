import Glibc

/// Plain threads: what a PKCS#11 host has.
final class Thread: Sendable {
    private let body: @Sendable () -> Void

    private init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    @discardableResult
    static func start(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Thread(body)).toOpaque()
        let result = pthread_create(
            &thread, nil,
            { work in
                if let work { Unmanaged<Thread>.fromOpaque(work).takeRetainedValue().body() }
                return nil
            }, work)
        return result == 0 ? thread : nil
    }

    /// Runs `body` in `count` threads and waits for all.
    static func run(_ count: Int, _ body: @escaping @Sendable () -> Void) {
        for thread in (0..<count).compactMap({ _ in start(body) }) { pthread_join(thread, nil) }
    }
}

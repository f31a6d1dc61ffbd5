#if canImport(Glibc)
    public import Glibc
#else
    public import Musl
#endif

/// A value and the pthread mutex that guards it.
///
/// `Synchronization.Mutex` is not an option inside the module: it caches the thread id and dies with SIGILL in a forked
/// child. Bodies are short and take no other lock, and nothing waits or goes to the network inside one; together with
/// the fork gate (`Gate`) that makes every `Locked` free at the moment of a fork.
///
/// Inlinable, because calls of generic code of another module cost more than the mutex; and public, because the compiler
/// inlines nothing that has package access (Swift 6.3).
public final class Locked<Value>: @unchecked Sendable {
    // @unchecked: `value` is touched only between lock and unlock; so there is nothing to check when it is.
    @exclusivity(unchecked) @usableFromInline internal var value: Value
    @usableFromInline internal let mutex: UnsafeMutablePointer<pthread_mutex_t>

    @inlinable public init(_ value: Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
    }

    @inlinable deinit {
        pthread_mutex_destroy(mutex)
        mutex.deinitialize(count: 1)
        mutex.deallocate()
    }

    @inlinable @inline(__always) package func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}

extension Locked {
    /// The value that is there, or a new one. Several threads may make one at once; the first result stays.
    @inlinable public func kept<Wrapped, Failure: Error>(
        orMake make: () throws(Failure) -> Wrapped
    ) throws(Failure) -> Wrapped where Value == Wrapped? {
        if let known = withLock({ $0 }) { return known }
        let new = try make()
        return withLock { value in
            if let first = value { return first }
            value = new
            return new
        }
    }
}

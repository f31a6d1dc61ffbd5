#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

extension Timestamp {
    /// This machine's clock.
    package static var now: Timestamp { Timestamp(seconds: Int64(time(nil))) }
}

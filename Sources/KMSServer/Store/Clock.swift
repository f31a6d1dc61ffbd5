package import KMSModel

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

extension Timestamp {
    package static var now: Timestamp { Timestamp(seconds: Int64(time(nil))) }
}

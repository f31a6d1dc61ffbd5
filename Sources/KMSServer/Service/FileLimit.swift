internal import Logging

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Each connection is an open file, and the usual soft limit of 1024 is soon reached.
enum FileLimit {
    /// Files beside connections: database, sockets, /dev/urandom.
    private static var others: Int { 64 }

    /// Raises the soft limit to the hard one and lowers the number of connections to what that allows: a connection that
    /// is refused is better than one that nobody accepts.
    static func fitting(_ limits: Limits, logger: Logger) -> Limits {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return limits }
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            // Should that fail, the server works with fewer connections.
            _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            _ = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        let possible = max(1, (Int(exactly: limit.rlim_cur) ?? .max) - others)
        guard limits.connections > possible else { return limits }
        logger.notice(
            "fewer connections than limits.connections; raise the limit of open files (LimitNOFILE, ulimit -n)",
            metadata: ["connections": "\(possible)"])
        var limits = limits
        limits.connections = possible
        return limits
    }
}

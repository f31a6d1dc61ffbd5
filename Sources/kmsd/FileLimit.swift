import Glibc

/// Each connection is an open file, and the usual soft limit of 1024 is soon reached.
enum FileLimit {
    /// Raises the soft limit to the hard one. Should that fail, the server works with fewer connections.
    static func raise() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max
        else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

import CMalloc

/// glibc gives threads heaps of their own, up to eight per core, and each keeps what its busiest moment needed.
enum MemoryArenas {
    /// Two are enough for the threads that work at the same time here, and memory stays flat.
    static func limit() { _ = mallopt(M_ARENA_MAX, 2) }
}

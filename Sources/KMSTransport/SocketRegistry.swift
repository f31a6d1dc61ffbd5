internal import CCurl
internal import KMSSupport
internal import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Every open socket of a transport with the fork generation that opened it.
///
/// A forked child must close what it inherited, or the connection stays open at the KMS after its owner has closed it;
/// but by close(2) alone, because libcurl would say goodbye (close_notify) on a connection that the parent still uses.
/// The connections of other threads, which the child cannot reach otherwise, are here as well.
final class SocketRegistry: Sendable {
    private struct Entry {
        var generation: UInt64
        var device: dev_t
        var inode: ino_t
    }

    private let entries = Locked<[Int32: Entry]>([:])
    /// Of the process that inherited nothing any more. Changed with `entries` only.
    private let generation = Atomic(Gate.generation)

    var count: Int { entries.withLock { $0.count } }

    /// Opens a socket that exec(2) closes.
    func open(family: Int32, type: Int32, protocol: Int32) -> Int32 {
        let descriptor = socket(family, type | Int32(SOCK_CLOEXEC.rawValue), `protocol`)
        guard descriptor >= 0 else { return descriptor }
        SocketRegistry.limitSilence(of: descriptor)
        let (device, inode) = identity(of: descriptor) ?? (0, 0)
        let entry = Entry(generation: Gate.generation, device: device, inode: inode)
        entries.withLock { $0[descriptor] = entry }
        return descriptor
    }

    /// Ends a connection whose other end acknowledges nothing: the host is gone, or a firewall has forgotten an idle
    /// connection. Without it a request would find out at its deadline only, too late for a new connection. A host that
    /// is there acknowledges, however long its KMS takes to answer.
    private static func limitSilence(of descriptor: Int32) {
        var milliseconds: UInt32 = 3_000
        let size = socklen_t(MemoryLayout<UInt32>.size)
        _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &milliseconds, size)
    }

    func close(_ descriptor: Int32) -> Int32 {
        entries.withLock { $0[descriptor] = nil }
        return systemClose(descriptor)
    }

    /// Closes the parent's sockets. A host that daemonises closes all descriptors and opens others, so a number counts
    /// only while it still names the same socket.
    func closeInherited() {
        let current = Gate.generation
        guard generation.load(ordering: .acquiring) != current else { return }
        let inherited = entries.withLock { entries -> [Int32: Entry] in
            guard generation.exchange(current, ordering: .acquiringAndReleasing) != current else { return [:] }
            let old = entries.filter { $0.value.generation != current }
            for descriptor in old.keys { entries[descriptor] = nil }
            return old
        }
        for (descriptor, entry) in inherited {
            guard let (device, inode) = identity(of: descriptor), device == entry.device, inode == entry.inode else {
                continue
            }
            _ = systemClose(descriptor)
        }
    }

    private func identity(of descriptor: Int32) -> (dev_t, ino_t)? {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        return (status.st_dev, status.st_ino)
    }
}

/// CURLOPT_OPENSOCKETFUNCTION; the context is the registry.
func openSocketCallback(
    context: UnsafeMutableRawPointer?, purpose: curlsocktype, address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
    guard let context, let address else { return -1 }
    let registry = Unmanaged<SocketRegistry>.fromOpaque(context).takeUnretainedValue()
    return registry.open(
        family: address.pointee.family, type: address.pointee.socktype, protocol: address.pointee.protocol)
}

/// CURLOPT_CLOSESOCKETFUNCTION; the context is the registry.
func closeSocketCallback(context: UnsafeMutableRawPointer?, descriptor: curl_socket_t) -> Int32 {
    guard let context else { return systemClose(descriptor) }
    return Unmanaged<SocketRegistry>.fromOpaque(context).takeUnretainedValue().close(descriptor)
}

private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }

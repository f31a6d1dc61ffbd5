import Glibc
import KMSSupport

/// The steps below TLS, one by one, so that `doctor` can say which of them fails.
enum NetworkProbe {
    struct Failure: Error {
        var reason: String
    }

    struct Address {
        /// Numeric.
        var text: String
        fileprivate var bytes: [UInt8]
        fileprivate var family: CInt
    }

    /// The addresses of a host name, as libcurl has them: those of getaddrinfo(3), and for localhost both loopback
    /// addresses, whatever /etc/hosts says.
    static func resolve(_ host: String, port: Int) throws(Failure) -> [Address] {
        let name = host.lowercased()
        guard name == "localhost" || name.hasSuffix(".localhost") else { return try lookUp(host, port: port) }
        let loopback = ["::1", "127.0.0.1"].flatMap { (try? lookUp($0, port: port)) ?? [] }
        return loopback.isEmpty ? try lookUp(host, port: port) : loopback
    }

    private static func lookUp(_ host: String, port: Int) throws(Failure) -> [Address] {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        guard result == 0 else { throw Failure(reason: String(cString: gai_strerror(result))) }
        defer { freeaddrinfo(list) }
        var addresses: [Address] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ai_next
            guard let socketAddress = entry.ai_addr else { continue }
            var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            guard
                getnameinfo(socketAddress, entry.ai_addrlen, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST) == 0
            else { continue }
            let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let bytes = Array(UnsafeRawBufferPointer(start: socketAddress, count: Int(entry.ai_addrlen)))
            addresses.append(Address(text: text, bytes: bytes, family: entry.ai_family))
        }
        guard !addresses.isEmpty else { throw Failure(reason: "the name has no address") }
        return addresses
    }

    /// Opens and closes a TCP connection to the first address that answers.
    ///
    /// - Returns: the address that answered.
    static func connect(to addresses: [Address], deadline: Deadline) throws(Failure) -> Address {
        var reasons: [String] = []
        for (index, address) in addresses.enumerated() {
            // One that never answers must leave time for the others.
            let share = Deadline(milliseconds: deadline.remaining / (addresses.count - index))
            guard let reason = failure(of: address, deadline: share) else { return address }
            reasons.append("\(address.text): \(reason)")
        }
        throw Failure(reason: reasons.joined(separator: "; "))
    }

    /// nil: connected.
    private static func failure(of address: Address, deadline: Deadline) -> String? {
        let descriptor = socket(
            address.family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return reason(errno) }
        defer { close(descriptor) }
        let result = address.bytes.withUnsafeBytes { bytes -> CInt in
            guard let base = bytes.baseAddress else { return -1 }
            return Glibc.connect(descriptor, base.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
        if result == 0 { return nil }
        guard errno == EINPROGRESS else { return reason(errno) }
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        var count: CInt
        repeat { count = poll(&waiting, 1, CInt(clamping: deadline.remaining)) } while count < 0 && errno == EINTR
        guard count > 0 else { return count == 0 ? "no answer in time" : reason(errno) }
        var code: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { return reason(errno) }
        return code == 0 ? nil : reason(code)
    }

    private static func reason(_ code: CInt) -> String { String(cString: strerror(code)) }
}

import Glibc

/// A TCP port of this machine that accepts connections and, unless told otherwise, says nothing.
final class Listener: Sendable {
    let port: UInt16
    private let descriptor: Int32

    init?() {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isReady = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && listen(descriptor, 8) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        guard isReady else {
            Glibc.close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        port = UInt16(bigEndian: address.sin_port)
    }

    func close() { Glibc.close(descriptor) }

    /// Accepts one connection in a thread of its own, sends `text` and closes it.
    func answerOnce(_ text: String) {
        let descriptor = descriptor
        Thread.start {
            let peer = accept(descriptor, nil, nil)
            var request = [UInt8](repeating: 0, count: 1_024)
            _ = recv(peer, &request, request.count, 0)
            _ = Array(text.utf8).withUnsafeBytes { send(peer, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            Glibc.close(peer)
        }
    }
}

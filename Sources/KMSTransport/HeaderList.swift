internal import CCurl
internal import KMSSupport

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The headers of a request as libcurl wants them; zeroed when dropped, because one of them is a credential.
final class HeaderList {
    private(set) var list: UnsafeMutablePointer<curl_slist>?

    init(_ request: HTTPRequest) throws(TransportError) {
        try append("Accept: application/json")
        // Without it libcurl would ask before it sends a large body, and wait a second for an answer.
        try append("Expect:")
        if request.method != .get { try append("Content-Type: application/json") }
        guard let authorization = request.authorization else { return }
        try append(authorization: authorization)
    }

    deinit {
        var next = list
        while let node = next {
            if let data = node.pointee.data { explicit_bzero(data, strlen(data)) }
            next = node.pointee.next
        }
        curl_slist_free_all(list)
    }

    private func append(_ header: String) throws(TransportError) {
        guard let longer = curl_slist_append(list, header) else { throw HeaderList.outOfMemory }
        list = longer
    }

    private func append(authorization: Secret) throws(TransportError) {
        let isText = authorization.withBytes { $0.allSatisfy { $0 >= 0x20 && $0 < 0x7F } }
        guard isText else {
            throw TransportError(
                .refused, "the credential contains characters that cannot be in a header", wasNeverSent: true)
        }
        let name = "Authorization: "
        let length = name.utf8.count + authorization.count + 1
        let line = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 1)
        defer {
            Secret.wipe(line)
            line.deallocate()
        }
        line.copyBytes(from: name.utf8)
        authorization.withBytes { bytes in
            UnsafeMutableRawBufferPointer(rebasing: line.dropFirst(name.utf8.count)).copyMemory(from: bytes)
        }
        line[line.count - 1] = 0
        guard let longer = curl_slist_append(list, line.assumingMemoryBound(to: CChar.self).baseAddress) else {
            throw HeaderList.outOfMemory
        }
        list = longer
    }

    private static var outOfMemory: TransportError {
        TransportError(.refused, "libcurl takes no header: out of memory", wasNeverSent: true)
    }
}

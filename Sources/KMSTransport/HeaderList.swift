internal import CCurl
internal import KMSSupport

/// The headers of a handle's requests as libcurl wants them: the same ones for all, and in front of them the line with the
/// credential, which is written for each request and zeroed after it.
///
/// Used by one thread at a time, which has the handle.
final class HeaderList {
    private let common: CommonHeaders
    private let first: UnsafeMutablePointer<curl_slist>
    @exclusivity(unchecked) private var line = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 1)

    init(_ common: CommonHeaders) {
        self.common = common
        first = .allocate(capacity: 1)
        first.initialize(to: curl_slist())
    }

    deinit {
        wipe()
        line.deallocate()
        first.deallocate()
    }

    /// Stays good until the next call or `wipe`.
    func list(for request: HTTPRequest) throws(TransportError) -> UnsafeMutablePointer<curl_slist> {
        let rest = request.method == .get ? common.withoutBody.pointer : common.withBody.pointer
        guard let authorization = request.authorization else { return rest }
        try authorization.withBytes { bytes throws(TransportError) in try write(bytes) }
        first.pointee.next = rest
        return first
    }

    func wipe() { Secret.wipe(line) }

    private func write(_ credential: UnsafeRawBufferPointer) throws(TransportError) {
        for byte in credential where byte < 0x20 || byte >= 0x7F {
            throw TransportError(
                .refused, "the credential contains characters that cannot be in a header", wasNeverSent: true)
        }
        let name: StaticString = "Authorization: "
        let count = name.utf8CodeUnitCount
        if line.count < count + credential.count + 1 {
            line.deallocate()
            line = .allocate(byteCount: count + credential.count + 1, alignment: 1)
        }
        line.copyMemory(from: UnsafeRawBufferPointer(start: name.utf8Start, count: count))
        UnsafeMutableRawBufferPointer(rebasing: line[count...]).copyMemory(from: credential)
        line[count + credential.count] = 0
        first.pointee.data = line.baseAddress?.assumingMemoryBound(to: CChar.self)
    }
}

/// What the requests of all handles have in common.
final class CommonHeaders: Sendable {
    let withBody: StringList
    let withoutBody: StringList

    init() throws(TransportError) {
        // Without an empty Expect libcurl would ask before it sends a large body, and wait a second for an answer.
        // User-Agent is here because libcurl writes its own option twice.
        let all = ["User-Agent: kms-pkcs11", "Accept: application/json", "Expect:"]
        withoutBody = try StringList(all)
        withBody = try StringList(all + ["Content-Type: application/json"])
    }
}

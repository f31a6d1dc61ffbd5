internal import CCurl
package import KMSSupport

/// An Authorization header, written once as libcurl wants it: each request that has it only points to it.
package final class Authorization: Sendable {
    /// The header's value.
    package let value: Secret
    /// The header with a zero at its end.
    fileprivate let line: Secret
    /// Whether the value can be in a header.
    fileprivate let isPrintable: Bool

    package init(_ value: Secret) {
        self.value = value
        var line = Array("Authorization: ".utf8)
        // A longer array would be made in another place, and this one not be zeroed.
        line.reserveCapacity(line.count + value.count + 1)
        value.withBytes { line.append(contentsOf: $0) }
        isPrintable = line.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
        line.append(0)
        self.line = Secret(copying: &line)
    }

    /// Of the value. Do not keep it.
    package var text: String { value.text }
}

/// The headers of a handle's requests as libcurl wants them: the same ones for all, and in front of them the one with the
/// request's credential.
///
/// Used by one thread at a time, which has the handle.
final class HeaderList {
    private let common: CommonHeaders
    private let first: UnsafeMutablePointer<curl_slist>

    init(_ common: CommonHeaders) {
        self.common = common
        first = .allocate(capacity: 1)
        first.initialize(to: curl_slist())
    }

    deinit { first.deallocate() }

    /// Stays good until the next call or `forget`, while the request's authorization lives.
    func list(for request: HTTPRequest) throws(TransportError) -> UnsafeMutablePointer<curl_slist> {
        let rest = request.method == .get ? common.withoutBody.pointer : common.withBody.pointer
        guard let authorization = request.authorization else { return rest }
        guard authorization.isPrintable else {
            throw TransportError(
                .refused, "the credential contains characters that cannot be in a header", wasNeverSent: true)
        }
        // libcurl takes it for one that may be written to, and only reads.
        first.pointee.data = authorization.line.withBytes {
            UnsafeMutableRawPointer(mutating: $0.baseAddress)?.assumingMemoryBound(to: CChar.self)
        }
        first.pointee.next = rest
        return first
    }

    /// The request is over, and its authorization may go.
    func forget() { first.pointee.data = nil }
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

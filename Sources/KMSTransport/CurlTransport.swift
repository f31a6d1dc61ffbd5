package import KMSSupport
internal import CCurl

package final class CurlTransport: HTTPTransport {
    package init(_ options: TransportOptions) throws(TransportError) {}

    package func perform(_ request: HTTPRequest, deadline: Deadline) throws(TransportError) -> HTTPResponse {
        throw TransportError(.refused, "")
    }
}

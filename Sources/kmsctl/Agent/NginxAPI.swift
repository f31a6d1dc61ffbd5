import FoundationEssentials
import KMSSupport
import KMSTransport

/// NGINX Plus's REST API (ngx_http_api_module), as far as key-value zones go.
final class NginxAPI {
    /// `http://127.0.0.1:8443/api`.
    let address: String
    private let transport: CurlTransport
    private let timeoutMilliseconds: Int

    /// - Parameters:
    ///   - address: `http://` to this machine only: private keys go there. Without a path it is /api.
    ///   - caFile: PEM; nil: the system's authorities.
    /// - Throws: `AgentFailure`.
    init(_ address: String, caFile: String?, timeout: Int) throws {
        do {
            var url = try EndpointURL(address, allowsLoopbackHTTP: true)
            if url.path.isEmpty { url = try EndpointURL(url.text + "/api", allowsLoopbackHTTP: true) }
            var options = TransportOptions(endpoint: url.text)
            options.allowsLoopbackHTTP = true
            options.tls.authorities = try caFile.map { try Target.certificates($0) }
            // A proxy has no business between two programs of one machine.
            if url.isPlain { options.proxy = ProxySettings() }
            self.address = url.text
            transport = try CurlTransport(options)
        } catch let failure as EndpointURL.Failure {
            throw AgentFailure(.configuration, "the address of NGINX's API is wrong: \(failure.reason)")
        } catch let error as TransportError {
            throw AgentFailure(.configuration, "NGINX's API: \(error.message)")
        } catch {
            throw AgentFailure(error)
        }
        timeoutMilliseconds = timeout * 1_000
    }

    /// - Parameter body: JSON; our copies of it are zeroed.
    func send(_ method: HTTPRequest.Method, _ path: String, body: Secret? = nil) throws -> HTTPResponse {
        var request = HTTPRequest(
            method, path, body: body.map { $0.withBytes { Array($0) } }, isRepeatable: method != .post)
        defer { request.body?.withUnsafeMutableBytes { Secret.wipe($0) } }
        do {
            return try transport.perform(request, deadline: Deadline(milliseconds: timeoutMilliseconds))
        } catch {
            throw AgentFailure(
                error.kind == .protocolViolation ? .protocolError : .unavailable,
                // The transport speaks of the only server that it usually has.
                "cannot reach NGINX's API: \(error.message.replacing("the KMS", with: "NGINX"))",
                remedy: "Check that NGINX runs and that --nginx is the server with `location /api`.")
        }
    }

    /// What NGINX says of a request that failed: `{"error": {"status", "text", "code"}}`.
    struct Problem: Decodable {
        struct Body: Decodable {
            var text: String
            var code: String
        }
        var error: Body
    }

    static func problem(_ response: HTTPResponse) -> Problem.Body? {
        (try? JSONDecoder().decode(Problem.self, from: Data(response.body)))?.error
    }

    func failure(_ response: HTTPResponse, doing: String) -> AgentFailure {
        let problem = Self.problem(response)
        let reason = problem.map { ": " + String($0.text.prefix(200)) } ?? ""
        let message = "\(doing) at \(address)\(reason) (HTTP \(response.status))"
        if let redirect = response.redirect {
            return AgentFailure(
                .configuration, "\(doing): \(address) \(response.redirection(to: redirect))",
                remedy: "If NGINX's API is there, give that address with --nginx.")
        }
        switch (response.status, problem?.code) {
        case (404, "KeyvalNotFound"):
            return AgentFailure(
                .configuration, message,
                remedy: "NGINX needs this zone: keyval_zone zone=NAME:1m; and a keyval that uses it.")
        case (404, _): return AgentFailure(.configuration, message, remedy: "Is this NGINX Plus, R18 or later?")
        case (401, _), (403, _):
            return AgentFailure(.refused, message, remedy: "Let this machine in: allow 127.0.0.1; in `location /api`.")
        case (405, _): return AgentFailure(.refused, message, remedy: "The API only reads: set `api write=on;`.")
        case (413, _):
            return AgentFailure(.configuration, message, remedy: "Set a larger client_max_body_size and zone.")
        case (500..., _): return AgentFailure(.unavailable, message, remedy: "Is the zone full? See NGINX's error log.")
        default:
            return AgentFailure(
                .protocolError, message,
                remedy: "Check --nginx: it must be NGINX's API itself, not another program.")
        }
    }
}

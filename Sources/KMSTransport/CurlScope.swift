internal import CCurl
internal import CForkSupport
internal import COpenSSL

/// What surrounds every use of libcurl inside somebody else's process.
///
/// - A private OSSL_LIB_CTX is the thread's default, so that TLS uses neither the host's openssl.cnf nor its engines and
///   providers, of which this module may be one.
/// - OpenSSL's error queue is left as the host had it: hosts log leftovers as their own.
/// - SIGPIPE is kept from the host.
/// - A request inside a request of the same thread is refused: it could only wait for itself.
enum CurlScope {
    static func run<Result, Failure: Error>(
        refusing refusal: @autoclosure () -> Failure, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard request_guard_enter() else { throw refusal() }
        defer { request_guard_leave() }
        guard let context = privateContext() else { throw refusal() }
        return try shielded(by: context, body)
    }

    /// For the end of connections, which may have to happen inside another request.
    static func cleanUp(_ body: () -> Void) {
        guard let context = privateContext() else { return }
        shielded(by: context, body)
    }

    private static func shielded<Result, Failure: Error>(
        by context: OpaquePointer, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var pipe = sigpipe_guard()
        let mayRaise = CurlLibrary.mayRaisePipe
        if mayRaise { sigpipe_guard_begin(&pipe) }
        let previous = OSSL_LIB_CTX_set0_default(context)
        let errors = HostErrors()
        defer {
            errors.restore()
            OSSL_LIB_CTX_set0_default(previous)
            if mayRaise { sigpipe_guard_end(&pipe) }
        }
        return try body()
    }

    /// One for the process and never freed: each thread that used a context keeps a random generator in it and visits
    /// it once more when it ends; OpenSSL 3.0 crashes there when the context is gone.
    private static func privateContext() -> OpaquePointer? {
        if let kept = process_library_context(nil) { return OpaquePointer(kept) }
        guard let new = OSSL_LIB_CTX_new() else { return nil }
        let kept = OpaquePointer(process_library_context(UnsafeMutableRawPointer(new)))
        if kept != new { OSSL_LIB_CTX_free(new) }
        return kept
    }
}

/// libcurl's process-wide part.
enum CurlLibrary {
    /// Before 7.88 OpenSSL writes to the socket itself, with write(2), which cannot be told not to raise SIGPIPE. Since then
    /// libcurl does, with MSG_NOSIGNAL. Set once.
    @exclusivity(unchecked) nonisolated(unsafe) private(set) static var mayRaisePipe = true

    /// Starts libcurl; every transport does, before its first request, inside `CurlScope`.
    ///
    /// Not in C_Initialize: `curl_global_init` loads openssl.cnf, which may name an engine that initialises this very
    /// module, and a host's own `curl_global_init` may be what is loading us; its lock is held then. There is no
    /// `curl_global_cleanup`: it would be the host's libcurl that ends.
    static func start() throws(TransportError) {
        guard let version = CCurl_version() else {
            throw TransportError(.refused, "libcurl does not tell its version", wasNeverSent: true)
        }
        guard version.pointee.version_num >= 0x07_55_00 else {
            let found = version.pointee.version.map { String(cString: $0) } ?? "?"
            throw TransportError(.refused, "libcurl \(found) is too old; install 7.85 or newer", wasNeverSent: true)
        }
        mayRaisePipe = version.pointee.version_num < 0x07_58_00
        let tls = version.pointee.ssl_version.map { String(cString: $0) } ?? "none"
        guard tls.contains("OpenSSL/3") else {
            throw TransportError(
                .refused, "libcurl uses \(tls) for TLS; install the libcurl that is built with OpenSSL 3",
                wasNeverSent: true)
        }
        let code = curl_global_init(Int(CURL_GLOBAL_SSL))
        guard code == CURLE_OK else {
            throw TransportError(
                .refused, "libcurl does not start: \(String(cString: curl_easy_strerror(code)))", wasNeverSent: true)
        }
    }
}

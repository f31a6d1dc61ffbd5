internal import COpenSSL

/// OpenSSL's error queue of the thread, which belongs to the host: NGINX logs leftovers as errors of its own.
package enum ErrorQueue {
    /// Runs `body` and drops what it added to the queue.
    package static func untouched<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        ERR_set_mark()
        defer { ERR_pop_to_mark() }
        return try body()
    }
}

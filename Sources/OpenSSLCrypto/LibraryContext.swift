internal import COpenSSL
internal import KMSModel
internal import KMSSupport

/// A private OSSL_LIB_CTX: OpenSSL's providers and algorithms without the host's configuration, engines or providers.
///
/// Inside a host whose openssl.cnf names our own module as engine or provider, the default context would lead back to
/// us. Everything in this target therefore takes a context and fetches from it.
package final class LibraryContext: @unchecked Sendable {
    // @unchecked: OSSL_LIB_CTX locks for itself.
    //
    // Never freed: a thread that drew random numbers from a context and ends after it crashes in OpenSSL 3.0's thread
    // clean-up. A process makes one.
    package let pointer: OpaquePointer
    /// Fetching costs as much as a short digest, so it happens once. Never freed either.
    private let digests = Locked<[HashAlgorithm: OpaquePointer]>([:])

    package init() throws(CryptoError) {
        guard let context = OSSL_LIB_CTX_new() else { throw CryptoError("cannot make an OpenSSL library context") }
        pointer = context
    }

    /// The EVP_MD of an algorithm, which stays the context's; nil when OpenSSL has none.
    func digest(_ algorithm: HashAlgorithm) -> OpaquePointer? {
        if let known = digests.withLock({ $0[algorithm] }) { return known }
        guard let name = algorithm.openSSLName, let fetched = EVP_MD_fetch(pointer, name, nil) else { return nil }
        let kept = digests.withLock { digests in
            let kept = digests[algorithm] ?? fetched
            digests[algorithm] = kept
            return kept
        }
        if kept != fetched { EVP_MD_free(fetched) }
        return kept
    }

    /// Runs `body` with this context as the thread's default, the error queue as it was afterwards.
    package func asDefault<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        let previous = OSSL_LIB_CTX_set0_default(pointer)
        ERR_set_mark()
        defer {
            ERR_pop_to_mark()
            OSSL_LIB_CTX_set0_default(previous)
        }
        return try body()
    }
}

/// An operation of OpenSSL failed. The message carries OpenSSL's reason, never data.
package struct CryptoError: Error, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

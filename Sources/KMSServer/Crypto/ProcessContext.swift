package import OpenSSLCrypto

/// The one library context of a server process. OpenSSL takes some of the process's 1024 thread-specific keys for each
/// context, and a context is never freed (see `LibraryContext`), so some hundred of them would leave none.
package enum ProcessContext {
    private static let context = Result { try LibraryContext() }

    package static func get() throws -> LibraryContext { try context.get() }
}

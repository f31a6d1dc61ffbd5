import OpenSSLCrypto

/// One library context for all tests: a process can have some hundred, and they are never freed.
enum TestContext {
    private static let context = Result { try LibraryContext() }

    static func get() throws -> LibraryContext { try context.get() }
}

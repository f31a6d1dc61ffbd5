/// Names under which OpenSSL makes keys of the usual algorithms with its own providers, whatever engine the host has made
/// the default.
///
/// By a well-known name EVP_PKEY_CTX_new_from_name takes the default engine's method first, in every library context;
/// it cannot make a key from parts then, and leads into the engine, which may be this module's host. By its object
/// identifier, which engines are not asked for, it takes the provider's. An operation with a key has no such way: there
/// the engine's method may be in between, which understands the functions that set one parameter each, and silently
/// ignores lists of parameters.
enum ProviderName {
    static var rsa: String { "1.2.840.113549.1.1.1" }
    static var ec: String { "1.2.840.10045.2.1" }
}

internal import COpenSSL
internal import KMSModel
internal import KMSSupport

/// A key's EVP_PKEY_CTXs that are ready to sign, or to verify. To make one takes OpenSSL some microseconds, a good part
/// of what an ECDSA signature or an RSA verification takes, and any number of signatures can be made or checked with it,
/// one after the other.
final class ReadyContexts: Sendable {
    private struct Idle: @unchecked Sendable {
        // @unchecked: the pointer is in the list or with the one thread that took it.
        var pointer: OpaquePointer
        var algorithm: SigningAlgorithm
    }

    private static var limit: Int { 16 }

    private let idle = Locked<[Idle]>([])

    deinit {
        for entry in idle.withLock({ $0 }) { EVP_PKEY_CTX_free(entry.pointer) }
    }

    /// One that nobody uses, the caller's until it gives it back; nil when there is none.
    func take(_ algorithm: SigningAlgorithm) -> OpaquePointer? {
        idle.withLock { idle in
            idle.lastIndex { $0.algorithm == algorithm }.map { idle.remove(at: $0).pointer }
        }
    }

    /// Only after a success: what a failure leaves in a context is not known.
    func give(_ pointer: OpaquePointer, _ algorithm: SigningAlgorithm) {
        let oldest = idle.withLock { idle in
            idle.append(Idle(pointer: pointer, algorithm: algorithm))
            return idle.count > ReadyContexts.limit ? idle.removeFirst().pointer : nil
        }
        EVP_PKEY_CTX_free(oldest)
    }
}

internal import CPKCS11
internal import KMSBackend
internal import KMSSupport

/// What a C_DeriveKey mechanism makes of its base key.
protocol KeyDerivationScheme: Sendable {
    /// In bytes, where the template does not say; nil: it must.
    var naturalLength: Int? { get }

    /// Whether the KMS itself can make a key of this length in bytes, so that its value never leaves it.
    func isPossibleAtKMS(length: Int) -> Bool

    /// Has the KMS make the key.
    func derive(
        _ specification: KeySpecification, _ backend: any Backend, _ deadline: Deadline
    ) throws(BackendError) -> KeyDescription

    /// The value, where the KMS cannot make the key.
    func value(length: Int) throws(CKError) -> Secret
}

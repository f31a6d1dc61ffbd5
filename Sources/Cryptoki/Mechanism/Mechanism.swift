package import CPKCS11
package import KMSBackend
package import KMSModel

/// One row of the mechanism table: what a mechanism works with and who performs it.
package struct Mechanism: Sendable {
    package let type: CK_MECHANISM_TYPE
    package let keyType: CK_KEY_TYPE
    /// Key sizes in bits: modulus, or order of the curve.
    package let bits: ClosedRange<Int>
    package let flags: CK_FLAGS
    /// The digest that the mechanism makes of the data itself; nil: the data is the digest, or holds it.
    package let digest: HashAlgorithm?
    /// What the slot's backend must be able to do.
    package let needs: Capabilities
    /// Makes the operation that C_SignInit asks for.
    let signature: @Sendable (MechanismRequest, Mechanism, Object.PrivateKey) throws(CKError) -> any SignatureScheme

    package var info: CK_MECHANISM_INFO {
        CK_MECHANISM_INFO(
            ulMinKeySize: CK_ULONG(bits.lowerBound), ulMaxKeySize: CK_ULONG(bits.upperBound), flags: flags)
    }
}

/// What a signature mechanism does around the KMS's primitive. Knows no HTTP, keeps no state.
protocol SignatureScheme: Sendable {
    /// Length of the signature in bytes, known before anything is signed.
    var outputLength: Int { get }

    /// Turns the data of C_Sign, or its digest where the mechanism hashes, into what the KMS signs.
    func prepare(_ data: [UInt8]) throws(CKError) -> (algorithm: SigningAlgorithm, digest: [UInt8])

    /// Turns the KMS's signature into the standard's form.
    func finish(_ signature: [UInt8]) throws(CKError) -> [UInt8]
}

/// The caller's CK_MECHANISM, taken apart without trust.
package struct MechanismRequest {
    let type: CK_MECHANISM_TYPE
    private let parameter: UnsafeRawPointer?
    private let parameterLength: CK_ULONG

    package init(_ pointer: CK_MECHANISM_PTR) {
        let mechanism = UnsafeRawPointer(pointer).loadUnaligned(as: CK_MECHANISM.self)
        type = mechanism.mechanism
        parameter = mechanism.pParameter.map { UnsafeRawPointer($0) }
        parameterLength = mechanism.ulParameterLen
    }

    /// - Throws: CKR_MECHANISM_PARAM_INVALID when there is a parameter.
    func requireNoParameter() throws(CKError) {
        // Some hosts pass a pointer with length 0; a length is what makes a parameter.
        guard parameterLength == 0 else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
    }

    /// - Throws: CKR_MECHANISM_PARAM_INVALID when the parameter has another size.
    func parameter<Parameter: BitwiseCopyable>(as: Parameter.Type) throws(CKError) -> Parameter {
        guard let parameter, parameterLength == CK_ULONG(MemoryLayout<Parameter>.size) else {
            throw CKError(CKR_MECHANISM_PARAM_INVALID)
        }
        return parameter.loadUnaligned(as: Parameter.self)
    }
}

package import CPKCS11
internal import KMSSupport

/// The caller's CK_MECHANISM, taken apart without trust.
package struct MechanismRequest {
    package let type: CK_MECHANISM_TYPE
    private let parameter: UnsafeRawPointer?
    private let parameterLength: CK_ULONG

    package init(_ pointer: CK_MECHANISM_PTR) {
        let mechanism = UnsafeRawPointer(pointer).loadUnaligned(as: CK_MECHANISM.self)
        type = mechanism.mechanism
        parameter = mechanism.pParameter.map { UnsafeRawPointer($0) }
        parameterLength = mechanism.ulParameterLen
    }

    fileprivate init(type: CK_MECHANISM_TYPE, _ parameter: UnsafeRawBufferPointer) {
        self.type = type
        self.parameter = parameter.baseAddress
        parameterLength = CK_ULONG(parameter.count)
    }

    fileprivate var copy: [UInt8] {
        guard let parameter, parameterLength <= 1 << 10 else { return [] }
        return Array(UnsafeRawBufferPointer(start: parameter, count: Int(parameterLength)))
    }

    var hasParameter: Bool { parameterLength != 0 }

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

    /// A parameter that is just bytes, like an IV.
    ///
    /// - Throws: CKR_MECHANISM_PARAM_INVALID for another length.
    func bytes(count: Int) throws(CKError) -> [UInt8] {
        guard let parameter, parameterLength == CK_ULONG(count) else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
        return Array(UnsafeRawBufferPointer(start: parameter, count: count))
    }

    /// The first fields of a parameter of which there is a shorter form.
    func prefix<Parameter: BitwiseCopyable>(
        as: Parameter.Type, orShorter count: Int
    ) throws(CKError) -> (value: Parameter, isShort: Bool) {
        guard let parameter else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
        if parameterLength == CK_ULONG(MemoryLayout<Parameter>.size) {
            return (parameter.loadUnaligned(as: Parameter.self), false)
        }
        guard parameterLength == CK_ULONG(count) else { throw CKError(CKR_MECHANISM_PARAM_INVALID) }
        return withUnsafeTemporaryAllocation(byteCount: MemoryLayout<Parameter>.size, alignment: 16) { space in
            space.initializeMemory(as: UInt8.self, repeating: 0)
            space.copyMemory(from: UnsafeRawBufferPointer(start: parameter, count: count))
            return (space.loadUnaligned(as: Parameter.self), true)
        }
    }

    /// Bytes that a parameter points to.
    ///
    /// - Throws: CKR_MECHANISM_PARAM_INVALID for a null pointer with a length, or a length beyond `limit`.
    static func bytes(
        _ pointer: UnsafeMutableRawPointer?, _ length: CK_ULONG, atMost limit: Int
    ) throws(CKError) -> [UInt8] {
        guard let count = Int(exactly: length), count <= limit, count == 0 || pointer != nil else {
            throw CKError(CKR_MECHANISM_PARAM_INVALID)
        }
        return Array(UnsafeRawBufferPointer(start: pointer, count: count))
    }

    static func bytes(
        _ pointer: CK_BYTE_PTR?, _ length: CK_ULONG, atMost limit: Int
    ) throws(CKError) -> [UInt8] {
        try bytes(pointer.map { UnsafeMutableRawPointer($0) }, length, atMost: limit)
    }
}

/// A mechanism that is needed after the C_…Init that brought it. Only for parameters that point nowhere else.
struct SavedRequest: Sendable {
    private let type: CK_MECHANISM_TYPE
    private let parameter: [UInt8]

    init(_ request: MechanismRequest) {
        type = request.type
        parameter = request.copy
    }

    func with<Result>(_ body: (MechanismRequest) throws(CKError) -> Result) throws(CKError) -> Result {
        try parameter.withBytes { bytes throws(CKError) in try body(MechanismRequest(type: type, bytes)) }
    }
}

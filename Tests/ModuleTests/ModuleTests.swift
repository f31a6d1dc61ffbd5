import CPKCS11
import Foundation
import Testing

/// The built module, loaded as a host loads it, into a process that has a Swift runtime of its own.
///
/// What it does with a KMS is for the C hosts of Tests/Integration; here is what must hold without one.
@Suite("The built kms_pkcs11.so", .serialized)
struct ModuleTests {
    private let handle: UnsafeMutableRawPointer
    private let functions: CK_FUNCTION_LIST

    init() throws {
        let build = ProcessInfo.processInfo.environment["KMS_PKCS11_BUILD"] ?? ".build/release"
        let path = ProcessInfo.processInfo.environment["KMS_PKCS11_MODULE"] ?? "\(build)/libkms_pkcs11.so"
        handle = try #require(dlopen(path, RTLD_NOW | RTLD_LOCAL), "\(path) does not load; build it first")
        let symbol = try #require(dlsym(handle, "C_GetFunctionList"))
        let getFunctionList = unsafeBitCast(symbol, to: CK_C_GetFunctionList.self)
        var list: CK_FUNCTION_LIST_PTR?
        #expect(getFunctionList(&list) == CKR_OK)
        functions = try #require(list).pointee
    }

    @Test("The table is version 2.40 and has no hole")
    func functionList() {
        #expect(functions.version.major == 2 && functions.version.minor == 40)
        withUnsafeBytes(of: functions) { bytes in
            let first = MemoryLayout<CK_FUNCTION_LIST>.offset(of: \.C_Initialize) ?? 0
            let pointers = stride(from: first, to: bytes.count, by: MemoryLayout<UInt>.size)
            #expect(pointers.map { bytes.load(fromByteOffset: $0, as: UInt.self) }.allSatisfy { $0 != 0 })
            #expect(Array(pointers).count == 68)
        }
    }

    @Test(
        "Interfaces 3.0 and 2.40 are offered, others are not", arguments: [(3, 0, true), (2, 40, true), (3, 2, false)])
    func interfaces(major: UInt8, minor: UInt8, exists: Bool) throws {
        let symbol = try #require(dlsym(handle, "C_GetInterface"))
        let getInterface = unsafeBitCast(symbol, to: CK_C_GetInterface.self)
        var version = CK_VERSION(major: major, minor: minor)
        var interface: CK_INTERFACE_PTR?
        var name = Array("PKCS 11".utf8) + [0]
        let rv = getInterface(&name, &version, &interface, 0)
        #expect(rv == (exists ? CKR_OK : CKR_FUNCTION_FAILED))
        #expect((interface?.pointee.pFunctionList != nil) == exists)
    }

    @Test("The interface list begins with 3.0, whose table has no hole either")
    func interfaceList() throws {
        let symbol = try #require(dlsym(handle, "C_GetInterfaceList"))
        let getInterfaceList = unsafeBitCast(symbol, to: CK_C_GetInterfaceList.self)
        var count: CK_ULONG = 0
        #expect(getInterfaceList(nil, &count) == CKR_OK)
        #expect(count == 2)
        var interfaces = [CK_INTERFACE](repeating: CK_INTERFACE(), count: 2)
        count = 1
        #expect(getInterfaceList(&interfaces, &count) == CKR_BUFFER_TOO_SMALL)
        #expect(count == 2)
        #expect(getInterfaceList(&interfaces, &count) == CKR_OK)
        #expect(getInterfaceList(&interfaces, nil) == CKR_ARGUMENTS_BAD)
        #expect(interfaces.map { $0.pInterfaceName.map { String(cString: $0) } } == ["PKCS 11", "PKCS 11"])
        let list = try #require(interfaces.first?.pFunctionList).load(as: CK_FUNCTION_LIST_3_0.self)
        #expect(list.version.major == 3 && list.version.minor == 0)
        withUnsafeBytes(of: list) { bytes in
            let first = MemoryLayout<CK_FUNCTION_LIST_3_0>.offset(of: \.C_Initialize) ?? 0
            let pointers = stride(from: first, to: bytes.count, by: MemoryLayout<UInt>.size)
            #expect(pointers.map { bytes.load(fromByteOffset: $0, as: UInt.self) }.allSatisfy { $0 != 0 })
            #expect(Array(pointers).count == 92)
        }
        #expect(list.C_LoginUser?(1, CKU_USER, nil, 0, nil, 0) == CKR_CRYPTOKI_NOT_INITIALIZED)
        #expect(list.C_SessionCancel?(1, CKF_SIGN) == CKR_CRYPTOKI_NOT_INITIALIZED)
        #expect(list.C_MessageEncryptInit?(1, nil, 1) == CKR_CRYPTOKI_NOT_INITIALIZED)
    }

    @Test("Before C_Initialize every other function says so")
    func notInitialised() {
        var info = CK_INFO()
        #expect(functions.C_GetInfo?(&info) == CKR_CRYPTOKI_NOT_INITIALIZED)
        #expect(functions.C_Finalize?(nil) == CKR_CRYPTOKI_NOT_INITIALIZED)
        #expect(functions.C_CloseSession?(1) == CKR_CRYPTOKI_NOT_INITIALIZED)
        #expect(functions.C_WrapKey?(1, nil, 1, 1, nil, nil) == CKR_CRYPTOKI_NOT_INITIALIZED)
        #expect(functions.C_WaitForSlotEvent?(CKF_DONT_BLOCK, nil, nil) == CKR_CRYPTOKI_NOT_INITIALIZED)
        #expect(functions.C_InitToken?(1, nil, 0, nil) == CKR_CRYPTOKI_NOT_INITIALIZED)
        #expect(functions.C_GetFunctionStatus?(1) == CKR_CRYPTOKI_NOT_INITIALIZED)
    }
}

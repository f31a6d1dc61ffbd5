import CPKCS11
import Cryptoki
import KMSBackend
import Testing

/// Section 5.7.5: what becomes of one attribute does not keep the others from being told.
@Suite("C_GetAttributeValue")
struct AttributeReaderTests {
    private func read(
        _ rig: Rig, _ handle: CK_OBJECT_HANDLE, _ wanted: [(type: CK_ATTRIBUTE_TYPE, room: Int?)]
    ) throws -> (rv: CK_RV, lengths: [CK_ULONG], values: [[UInt8]]) {
        let memory = CallerMemory()
        let blocks = wanted.map { row in row.room.map { memory.place([UInt8](repeating: 0xEE, count: $0)) } }
        var list = zip(wanted, blocks).map { row, block in
            CK_ATTRIBUTE(type: row.type, pValue: block?.baseAddress, ulValueLen: CK_ULONG(row.room ?? 0))
        }
        var rv = CKR_OK
        do throws(CKError) {
            try AttributeReader.read(rig.token.object(handle), of: rig.token, &list, CK_ULONG(list.count))
        } catch {
            rv = error.rv
        }
        return withExtendedLifetime(memory) { (rv, list.map(\.ulValueLen), blocks.map { $0.map { Array($0) } ?? [] }) }
    }

    @Test("Lengths are told for null buffers, values where there is room")
    func lengths() throws {
        let rig = try Rig()
        let key = try rig.aes(token: true)
        let answer = try read(rig, key, [(CKA_LABEL, nil), (CKA_CLASS, 8), (CKA_LABEL, 5), (CKA_ID, nil)])
        #expect(answer.rv == CKR_OK)
        #expect(answer.lengths == [3, 8, 3, 0])
        #expect(answer.values[1] == ulong(CKO_SECRET_KEY))
        #expect(answer.values[2] == Array("aes".utf8) + [0xEE, 0xEE])
        #expect(try read(rig, key, []).rv == CKR_OK)
    }

    @Test("Each attribute is treated, and the first thing that went wrong is told")
    func mixed() throws {
        let rig = try Rig()
        let key = try rig.aes(token: true, [TestAttribute(CKA_SENSITIVE, true)])
        let none = CK_UNAVAILABLE_INFORMATION
        let answer = try read(
            rig, key, [(CKA_VALUE, 32), (CKA_MODULUS, 32), (CKA_LABEL, 2), (CKA_CLASS, 8), (0x8000_0001, nil)])
        #expect(answer.rv == CKR_ATTRIBUTE_SENSITIVE)
        #expect(answer.lengths == [none, none, none, 8, none])
        #expect(answer.values[0].allSatisfy { $0 == 0xEE } && answer.values[2].allSatisfy { $0 == 0xEE })
        #expect(answer.values[3] == ulong(CKO_SECRET_KEY))
        #expect(try read(rig, key, [(CKA_LABEL, 2), (CKA_MODULUS, 1)]).rv == CKR_BUFFER_TOO_SMALL)
        #expect(try read(rig, key, [(CKA_MODULUS, 1), (CKA_LABEL, 2)]).rv == CKR_ATTRIBUTE_TYPE_INVALID)
        #expect(!rig.backend.calls.contains(.export))
    }

    @Test("The values of a readable key cost one request for the whole template", arguments: [true, false])
    func exported(isToken: Bool) throws {
        let rig = try Rig()
        let readable = [TestAttribute(CKA_SENSITIVE, false), TestAttribute(CKA_EXTRACTABLE, true)]
        let pair = try rig.pair(token: isToken, private: readable)
        rig.backend.forgetCalls()
        let answer = try read(rig, pair.privateKey, [(CKA_VALUE, 32), (CKA_LABEL, 4), (CKA_VALUE, nil)])
        #expect(answer.rv == CKR_OK && answer.lengths == [32, 4, 32])
        #expect(rig.backend.calls == [.export])
        rig.backend.fail(.export, .unavailable)
        #expect(try read(rig, pair.privateKey, [(CKA_VALUE, 32)]).rv == CKR_DEVICE_ERROR)
        #expect(try read(rig, pair.privateKey, [(CKA_LABEL, 4)]).rv == CKR_OK)
    }

    @Test("The value is told only when it is neither sensitive nor unextractable")
    func secrecy() throws {
        let rig = try Rig()
        for (isSensitive, isExtractable, rv) in [
            (false, true, CKR_OK), (true, true, CKR_ATTRIBUTE_SENSITIVE), (false, false, CKR_ATTRIBUTE_SENSITIVE),
        ] {
            for isToken in [true, false] {
                let key = try rig.aes(
                    token: isToken,
                    [TestAttribute(CKA_SENSITIVE, isSensitive), TestAttribute(CKA_EXTRACTABLE, isExtractable)])
                let answer = try read(rig, key, [(CKA_VALUE, 32)])
                #expect(answer.rv == rv)
                #expect(answer.values == [rv == CKR_OK ? Rig.keyValue : [UInt8](repeating: 0xEE, count: 32)])
            }
        }
    }

    @Test("Templates that are none")
    func nonsense() throws {
        let rig = try Rig()
        let object = try rig.token.object(rig.aes(token: false))
        expect(CKR_ARGUMENTS_BAD) { try AttributeReader.read(object, of: rig.token, nil, 1) }
        expect(CKR_ARGUMENTS_BAD) { try AttributeReader.read(object, of: rig.token, nil, .max) }
        try AttributeReader.read(object, of: rig.token, nil, 0)
        expect(CKR_ARGUMENTS_BAD) { _ = try Template(nil, 1) }
        var attribute = CK_ATTRIBUTE(type: CKA_LABEL, pValue: nil, ulValueLen: 5)
        expect(CKR_ATTRIBUTE_VALUE_INVALID) { _ = try Template(&attribute, 1) }
        attribute.ulValueLen = .max
        expect(CKR_ATTRIBUTE_VALUE_INVALID) { _ = try Template(&attribute, 1) }
        expect(CKR_ARGUMENTS_BAD) { _ = try Template(&attribute, 2_000) }
        attribute.ulValueLen = 0
        #expect(try Template(&attribute, 1).attributes.first?.value == [])
    }
}

@Suite("C_FindObjects")
struct SearchTests {
    @Test("Results come in portions until there are none, and the search goes on being one until its end")
    func portions() throws {
        let rig = try Rig()
        let keys = try Set((0..<5).map { _ in try rig.aes(token: false) })
        try rig.session.findInit(template(TestAttribute(CKA_KEY_TYPE, CKK_AES)))
        var found: [CK_OBJECT_HANDLE] = []
        for (limit, count) in [(2, 2), (0, 0), (2, 2), (2, 1), (2, 0)] {
            let portion = try rig.session.find(atMost: limit)
            #expect(portion.count == count)
            found += portion
        }
        #expect(Set(found) == keys)
        try rig.session.findFinal()
        expect(CKR_OPERATION_NOT_INITIALIZED) { try rig.session.findFinal() }
    }

    @Test("A search that the KMS could not answer may be tried again")
    func again() throws {
        let rig = try Rig()
        let key = try rig.aes(token: true)
        rig.backend.fail(.list, .unavailable)
        try rig.session.findInit(template())
        expect(CKR_DEVICE_ERROR) { _ = try rig.session.find(atMost: 9) }
        rig.backend.fail(.list, nil)
        #expect(try rig.session.find(atMost: 9) == [key])
        try rig.session.findFinal()
    }

    @Test("Every given attribute must match, a secret one never does")
    func matching() throws {
        let rig = try Rig()
        let key = try rig.aes(token: true, [TestAttribute(CKA_ID, [1]), TestAttribute(CKA_EXTRACTABLE, true)])
        #expect(try rig.find(TestAttribute(CKA_ID, [1]), TestAttribute(CKA_EXTRACTABLE, true)) == [key])
        #expect(try rig.find(TestAttribute(CKA_ID, [1]), TestAttribute(CKA_EXTRACTABLE, false)).isEmpty)
        #expect(try rig.find(TestAttribute(CKA_ID, [1, 0])).isEmpty)
        #expect(try rig.find(TestAttribute(CKA_VALUE, Rig.keyValue)).isEmpty)
        #expect(try rig.find(TestAttribute(0x8000_0001, [1])).isEmpty)
        #expect(try rig.find(TestAttribute(CKA_LABEL, "")).isEmpty)
        #expect(!rig.backend.calls.contains(.export))
    }
}

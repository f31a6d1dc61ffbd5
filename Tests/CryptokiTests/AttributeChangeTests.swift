import CPKCS11
import Cryptoki
import KMSBackend
import Testing

@Suite("C_SetAttributeValue")
struct AttributeChangeTests {
    /// An extractable key that is not sensitive.
    private func key(_ rig: Rig, isToken: Bool, _ more: [TestAttribute] = []) throws -> CK_OBJECT_HANDLE {
        try rig.aes(
            token: isToken, [TestAttribute(CKA_SENSITIVE, false), TestAttribute(CKA_EXTRACTABLE, true)] + more)
    }

    @Test("What may change once changes once", arguments: [true, false])
    func oneWay(isToken: Bool) throws {
        let rig = try Rig()
        let key = try key(rig, isToken: isToken)
        #expect(try rig.read(key, CKA_VALUE) == Rig.keyValue)
        for (type, end) in [
            (CKA_SENSITIVE, true), (CKA_EXTRACTABLE, false), (CKA_WRAP_WITH_TRUSTED, true), (CKA_COPYABLE, false),
        ] {
            try rig.set(key, TestAttribute(type, !end))
            #expect(try rig.attributes(key).flag(type) == !end)
            try rig.set(key, TestAttribute(type, end))
            #expect(try rig.attributes(key).flag(type) == end)
            // Saying what holds is no change.
            try rig.set(key, TestAttribute(type, end))
            expect(CKR_ATTRIBUTE_READ_ONLY) { try rig.set(key, TestAttribute(type, !end)) }
            #expect(try rig.attributes(key).flag(type) == end)
        }
        expect(CKR_ATTRIBUTE_SENSITIVE) { _ = try rig.read(key, CKA_VALUE) }
        if isToken {
            let other = try rig.otherProcess()
            _ = try other.find(template())
            let attributes = try other.object(key).attributes
            #expect(attributes.flag(CKA_SENSITIVE) && attributes.flag(CKA_WRAP_WITH_TRUSTED))
            #expect(!attributes.flag(CKA_EXTRACTABLE) && !attributes.flag(CKA_COPYABLE))
            #expect(rig.backend.keys.first?.operations.contains(.export) == false)
        }
    }

    @Test("Sensitive alone hides the value", arguments: [true, false])
    func sensitiveOnly(isToken: Bool) throws {
        let rig = try Rig()
        let key = try key(rig, isToken: isToken)
        try rig.set(key, TestAttribute(CKA_SENSITIVE, true))
        expect(CKR_ATTRIBUTE_SENSITIVE) { _ = try rig.read(key, CKA_VALUE) }
        #expect(try rig.attributes(key).flag(CKA_EXTRACTABLE))
        #expect(try rig.find(TestAttribute(CKA_VALUE, Rig.keyValue)).isEmpty)
    }

    @Test("What may not change does not, and nothing else of the template either", arguments: [true, false])
    func readOnly(isToken: Bool) throws {
        let rig = try Rig()
        let key = try key(rig, isToken: isToken)
        let label = TestAttribute(CKA_LABEL, "changed")
        for attribute in [
            TestAttribute(CKA_CLASS, CKO_DATA), TestAttribute(CKA_KEY_TYPE, CKK_DES3),
            TestAttribute(CKA_TOKEN, !isToken), TestAttribute(CKA_PRIVATE, false),
            TestAttribute(CKA_MODIFIABLE, false), TestAttribute(CKA_DESTROYABLE, false),
            TestAttribute(CKA_LOCAL, true), TestAttribute(CKA_VALUE, Rig.keyValue), TestAttribute(CKA_VALUE_LEN, 16),
            TestAttribute(CKA_TRUSTED, true), TestAttribute(CKA_ALLOWED_MECHANISMS, ulong(CKM_AES_GCM)),
        ] {
            expect(CKR_ATTRIBUTE_READ_ONLY) { try rig.set(key, label, attribute) }
        }
        expect(CKR_ATTRIBUTE_TYPE_INVALID) { try rig.set(key, label, TestAttribute(CKA_MODULUS, [1])) }
        expect(CKR_ATTRIBUTE_TYPE_INVALID) { try rig.set(key, label, TestAttribute(0x8000_0001, [1])) }
        expect(CKR_ATTRIBUTE_VALUE_INVALID) { try rig.set(key, label, TestAttribute(CKA_SIGN, [7])) }
        expect(CKR_ATTRIBUTE_VALUE_INVALID) { try rig.set(key, label, TestAttribute(CKA_END_DATE, "tomorrow")) }
        expect(CKR_TEMPLATE_INCONSISTENT) { try rig.set(key, label, TestAttribute(CKA_LABEL, "else")) }
        #expect(try rig.attributes(key).value(CKA_LABEL) == Array("aes".utf8))
        #expect(!rig.backend.calls.contains(.update))
    }

    @Test("An object that is not modifiable, and a read-only session")
    func refusals() throws {
        let rig = try Rig()
        for isToken in [true, false] {
            let fixed = try key(rig, isToken: isToken, [TestAttribute(CKA_MODIFIABLE, false)])
            expect(CKR_ACTION_PROHIBITED) { try rig.set(fixed, TestAttribute(CKA_LABEL, "x")) }
        }
        let reader = rig.session(2, isReadWrite: false)
        let tokenKey = try key(rig, isToken: true)
        expect(CKR_SESSION_READ_ONLY) {
            try rig.token.set(tokenKey, template(TestAttribute(CKA_LABEL, "x")), by: reader.owner)
        }
        let sessionKey = try key(rig, isToken: false)
        try rig.token.set(sessionKey, template(TestAttribute(CKA_LABEL, "x")), by: reader.owner)
        #expect(try rig.attributes(sessionKey).value(CKA_LABEL) == Array("x".utf8))
        expect(CKR_OBJECT_HANDLE_INVALID) { try rig.set(12_345, TestAttribute(CKA_LABEL, "x")) }
    }

    @Test("A usage that is taken away is taken away at the KMS, and may come back")
    func usage() throws {
        let rig = try Rig()
        let key = try key(rig, isToken: true)
        try rig.set(key, TestAttribute(CKA_ENCRYPT, false), TestAttribute(CKA_DERIVE, true))
        #expect(rig.backend.keys.first?.operations.contains(.encrypt) == false)
        #expect(rig.backend.keys.first?.operations.contains(.deriveKey) == true)
        expect(CKR_KEY_FUNCTION_NOT_PERMITTED) { _ = try rig.session.encrypt(.gcm(), key, [1]) }
        try rig.set(key, TestAttribute(CKA_ENCRYPT, true))
        _ = try rig.session.encrypt(.gcm(), key, [1])
    }

    @Test("Flags of the public key do not touch those of the private one that are none of its")
    func faces() throws {
        let rig = try Rig()
        let pair = try rig.pair(token: true)
        try rig.set(pair.publicKey, TestAttribute(CKA_VERIFY, false), TestAttribute(CKA_ID, [1]))
        let operations = try #require(rig.backend.keys.first?.operations)
        #expect(operations.contains(.sign) && !operations.contains(.verify))
        #expect(try rig.attributes(pair.privateKey).flag(CKA_SIGN))
        #expect(try rig.attributes(pair.privateKey).value(CKA_ID) != [1])
        #expect(try rig.attributes(pair.publicKey).value(CKA_ID) == [1])
    }

    @Test("When the KMS refuses, nothing has changed")
    func refusedByKMS() throws {
        let rig = try Rig()
        let key = try key(rig, isToken: true)
        rig.backend.fail(.update, .forbidden)
        expect(CKR_ACTION_PROHIBITED) { try rig.set(key, TestAttribute(CKA_LABEL, "x")) }
        #expect(try rig.attributes(key).value(CKA_LABEL) == Array("aes".utf8))
        rig.backend.fail(.update, .notFound)
        expect(CKR_OBJECT_HANDLE_INVALID) { try rig.set(key, TestAttribute(CKA_LABEL, "x")) }
    }
}

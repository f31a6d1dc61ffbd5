import CPKCS11
import Cryptoki
import KMSModel
import OpenSSLCrypto
import Testing

/// What a template says is what the object has: at once, and in another process, which knows only what the KMS keeps.
@Suite("Attributes that the KMS keeps")
struct StoredAttributesTests {
    private func expect(
        _ attributes: [TestAttribute], of handle: CK_OBJECT_HANDLE, in rig: Rig,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let other = try rig.otherProcess()
        _ = try other.find(template())
        for token in [rig.token, other] {
            let own = try token.object(handle).attributes
            for attribute in attributes where attribute.type != CKA_VALUE {
                #expect(
                    own.value(attribute.type) == attribute.value, "attribute \(attribute.type)",
                    sourceLocation: sourceLocation)
            }
        }
    }

    private static func flags(_ types: [CK_ATTRIBUTE_TYPE], _ value: Bool) -> [TestAttribute] {
        types.map { TestAttribute($0, value) }
    }

    @Test(
        "Every flag of a secret key, true and false", arguments: [CKK_AES, CKK_GENERIC_SECRET, CKK_SHA256_HMAC],
        [true, false])
    func secretKey(keyType: CK_KEY_TYPE, flag: Bool) throws {
        let rig = try Rig()
        let attributes =
            [
                TestAttribute(CKA_CLASS, CKO_SECRET_KEY), TestAttribute(CKA_KEY_TYPE, keyType),
                TestAttribute(CKA_TOKEN, true), TestAttribute(CKA_LABEL, "schlüssel"),
                TestAttribute(CKA_ID, [0, 0xFF]),
                TestAttribute(CKA_START_DATE, "20260101"), TestAttribute(CKA_END_DATE, "20361231"),
                TestAttribute(CKA_ALLOWED_MECHANISMS, ulong(CKM_AES_GCM) + ulong(CKM_SHA256_HMAC)),
                TestAttribute(CKA_VALUE, Rig.keyValue),
            ]
            + Self.flags(
                [
                    CKA_PRIVATE, CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE, CKA_SENSITIVE, CKA_EXTRACTABLE,
                    CKA_WRAP_WITH_TRUSTED, CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP,
                    CKA_DERIVE,
                ], flag)
        let handle = try rig.create(attributes)
        try expect(attributes, of: handle, in: rig)
        try expect(
            [
                TestAttribute(CKA_LOCAL, false), TestAttribute(CKA_ALWAYS_SENSITIVE, false),
                TestAttribute(CKA_NEVER_EXTRACTABLE, false), TestAttribute(CKA_VALUE_LEN, 32),
                TestAttribute(CKA_KEY_GEN_MECHANISM, CK_UNAVAILABLE_INFORMATION),
            ], of: handle, in: rig)
    }

    @Test("What a template leaves out has the standard's defaults")
    func defaults() throws {
        let rig = try Rig()
        try expect(
            [
                TestAttribute(CKA_PRIVATE, true), TestAttribute(CKA_MODIFIABLE, true),
                TestAttribute(CKA_COPYABLE, true),
                TestAttribute(CKA_DESTROYABLE, true), TestAttribute(CKA_SENSITIVE, false),
                TestAttribute(CKA_EXTRACTABLE, false), TestAttribute(CKA_DERIVE, false), TestAttribute(CKA_ID, ""),
                TestAttribute(CKA_START_DATE, ""), TestAttribute(CKA_ALLOWED_MECHANISMS, ""),
                TestAttribute(CKA_TRUSTED, false), TestAttribute(CKA_WRAP_WITH_TRUSTED, false),
            ], of: try rig.aes(token: true), in: rig)
    }

    @Test(
        "A generated key knows whether it was always sensitive and never extractable",
        arguments: [(true, true), (true, false), (false, true), (false, false)])
    func secrecy(isSensitive: Bool, isExtractable: Bool) throws {
        let rig = try Rig()
        for isToken in [true, false] {
            let handle = try TestMechanism(CKM_AES_KEY_GEN).with {
                try rig.token.generateKey(
                    $0,
                    template(
                        TestAttribute(CKA_TOKEN, isToken), TestAttribute(CKA_VALUE_LEN, 16),
                        TestAttribute(CKA_SENSITIVE, isSensitive), TestAttribute(CKA_EXTRACTABLE, isExtractable)),
                    by: rig.session.owner)
            }
            let attributes = try rig.attributes(handle)
            #expect(attributes.flag(CKA_SENSITIVE) == isSensitive)
            #expect(attributes.flag(CKA_EXTRACTABLE) == isExtractable)
            #expect(attributes.flag(CKA_ALWAYS_SENSITIVE) == isSensitive)
            #expect(attributes.flag(CKA_NEVER_EXTRACTABLE) == !isExtractable)
            #expect(attributes.flag(CKA_LOCAL))
            #expect(attributes.number(CKA_KEY_GEN_MECHANISM) == CKM_AES_KEY_GEN)
        }
    }

    @Test("The halves of a pair have what their templates say")
    func pair() throws {
        let rig = try Rig()
        let publicAttributes = [
            TestAttribute(CKA_LABEL, "public"), TestAttribute(CKA_ID, [1]), TestAttribute(CKA_VERIFY, false),
            TestAttribute(CKA_MODIFIABLE, false), TestAttribute(CKA_SUBJECT, [0x30, 0]),
        ]
        let privateAttributes = [
            TestAttribute(CKA_LABEL, "private"), TestAttribute(CKA_ID, [2]), TestAttribute(CKA_DERIVE, true),
            TestAttribute(CKA_SIGN, true), TestAttribute(CKA_COPYABLE, false),
            TestAttribute(CKA_ALWAYS_AUTHENTICATE, true), TestAttribute(CKA_SENSITIVE, true),
        ]
        let pair = try rig.pair(token: true, public: publicAttributes, private: privateAttributes)
        try expect(publicAttributes, of: pair.publicKey, in: rig)
        try expect(privateAttributes, of: pair.privateKey, in: rig)
        try expect(
            [TestAttribute(CKA_COPYABLE, true), TestAttribute(CKA_PRIVATE, false)], of: pair.publicKey, in: rig)
        try expect([TestAttribute(CKA_MODIFIABLE, true)], of: pair.privateKey, in: rig)
        #expect(rig.backend.keys.map(\.name) == ["private"])
    }

    @Test("Label and id that one template leaves out are the other's")
    func sharedIdentity() throws {
        let rig = try Rig()
        let pair = try TestMechanism(CKM_EC_KEY_PAIR_GEN).with {
            try rig.token.generateKeyPair(
                $0,
                public: template(
                    TestAttribute(CKA_EC_PARAMS, bytes(hex: "06082a8648ce3d030107")), TestAttribute(CKA_TOKEN, true),
                    TestAttribute(CKA_LABEL, "both"), TestAttribute(CKA_ID, [7])),
                private: template(TestAttribute(CKA_TOKEN, true)), by: rig.session.owner)
        }
        for handle in [pair.publicKey, pair.privateKey] {
            try expect([TestAttribute(CKA_LABEL, "both"), TestAttribute(CKA_ID, [7])], of: handle, in: rig)
        }
    }

    @Test("Certificates and data")
    func certificateAndData() throws {
        let rig = try Rig()
        let certificate = try Certificate(der: Samples.certificate, in: try TestContext.get())
        let attributes = [
            TestAttribute(CKA_CLASS, CKO_CERTIFICATE), TestAttribute(CKA_CERTIFICATE_TYPE, CKC_X_509),
            TestAttribute(CKA_TOKEN, true), TestAttribute(CKA_LABEL, "cert"), TestAttribute(CKA_ID, [9]),
            TestAttribute(CKA_SUBJECT, certificate.subject), TestAttribute(CKA_ISSUER, certificate.issuer),
            TestAttribute(CKA_SERIAL_NUMBER, certificate.serialNumber), TestAttribute(CKA_URL, "https://x.invalid"),
            TestAttribute(CKA_CERTIFICATE_CATEGORY, CK_CERTIFICATE_CATEGORY_TOKEN_USER),
            TestAttribute(CKA_PRIVATE, false), TestAttribute(CKA_VALUE, Samples.certificate),
        ]
        let handle = try rig.create(attributes)
        try expect(attributes, of: handle, in: rig)
        #expect(try rig.attributes(handle).value(CKA_VALUE) == Samples.certificate)

        let data = [
            TestAttribute(CKA_CLASS, CKO_DATA), TestAttribute(CKA_TOKEN, true), TestAttribute(CKA_LABEL, "data"),
            TestAttribute(CKA_APPLICATION, "unit"), TestAttribute(CKA_OBJECT_ID, [6, 1, 0]),
            TestAttribute(CKA_PRIVATE, false), TestAttribute(CKA_VALUE, "the text"),
        ]
        let dataHandle = try rig.create(data)
        try expect(data, of: dataHandle, in: rig)
        #expect(try rig.read(dataHandle, CKA_VALUE) == Array("the text".utf8))
    }
}

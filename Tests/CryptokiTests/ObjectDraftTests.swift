import CPKCS11
import Cryptoki
import KMSModel
import OpenSSLCrypto
import Testing

/// A template, and what becomes of it.
struct DraftCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let origin: ObjectDraft.Origin
    let attributes: [TestAttribute]
    /// What function or mechanism make.
    let objectClass: CK_OBJECT_CLASS?
    let subtype: CK_ULONG?
    /// nil: the template is good.
    let rv: CK_RV?

    init(_ name: String, _ attributes: [TestAttribute], _ rv: CK_RV? = nil) {
        self.init(name, .create, nil, nil, attributes, rv)
    }

    init(_ name: String, _ origin: ObjectDraft.Origin, _ attributes: [TestAttribute], _ rv: CK_RV? = nil) {
        self.init(name, origin, nil, nil, attributes, rv)
    }

    init(
        _ name: String, _ origin: ObjectDraft.Origin, _ objectClass: CK_OBJECT_CLASS?, _ subtype: CK_ULONG?,
        _ attributes: [TestAttribute], _ rv: CK_RV? = nil
    ) {
        testDescription = name
        self.origin = origin
        self.attributes = attributes
        self.objectClass = objectClass
        self.subtype = subtype
        self.rv = rv
    }
}

@Suite("Templates against the standard's tables")
struct ObjectDraftTests {
    private static var secretClass: TestAttribute { TestAttribute(CKA_CLASS, CKO_SECRET_KEY) }
    private static var aesType: TestAttribute { TestAttribute(CKA_KEY_TYPE, CKK_AES) }
    private static var value: TestAttribute { TestAttribute(CKA_VALUE, [UInt8](repeating: 1, count: 16)) }

    /// A good AES key with something more.
    private static func aes(_ name: String, _ more: TestAttribute, _ rv: CK_RV? = nil) -> DraftCase {
        DraftCase(name, [secretClass, aesType, value, more], rv)
    }

    static var createCases: [DraftCase] {
        [
            DraftCase("a complete secret key", [secretClass, aesType, value]),
            DraftCase("no class", [aesType, value], CKR_TEMPLATE_INCOMPLETE),
            DraftCase("no key type", [secretClass, value], CKR_TEMPLATE_INCOMPLETE),
            DraftCase("no value", [secretClass, aesType], CKR_TEMPLATE_INCOMPLETE),
            DraftCase("nothing", [], CKR_TEMPLATE_INCOMPLETE),
            DraftCase(
                "a class that the token does not have", [TestAttribute(CKA_CLASS, 0x7777)],
                CKR_ATTRIBUTE_VALUE_INVALID),
            DraftCase(
                "a key type that the token does not have",
                [secretClass, TestAttribute(CKA_KEY_TYPE, CKK_RC4), value], CKR_ATTRIBUTE_VALUE_INVALID),
            DraftCase(
                "a key type of another class", [secretClass, TestAttribute(CKA_KEY_TYPE, CKK_RSA), value],
                CKR_ATTRIBUTE_VALUE_INVALID),
            aes("CKA_LOCAL", TestAttribute(CKA_LOCAL, false), CKR_ATTRIBUTE_READ_ONLY),
            aes("CKA_ALWAYS_SENSITIVE", TestAttribute(CKA_ALWAYS_SENSITIVE, true), CKR_ATTRIBUTE_READ_ONLY),
            aes("CKA_NEVER_EXTRACTABLE", TestAttribute(CKA_NEVER_EXTRACTABLE, true), CKR_ATTRIBUTE_READ_ONLY),
            aes(
                "CKA_KEY_GEN_MECHANISM", TestAttribute(CKA_KEY_GEN_MECHANISM, CKM_AES_KEY_GEN),
                CKR_ATTRIBUTE_READ_ONLY),
            aes("CKA_UNIQUE_ID", TestAttribute(CKA_UNIQUE_ID, "mine"), CKR_ATTRIBUTE_READ_ONLY),
            aes("CKA_VALUE_LEN", TestAttribute(CKA_VALUE_LEN, 16), CKR_ATTRIBUTE_READ_ONLY),
            aes("a trusted key", TestAttribute(CKA_TRUSTED, true), CKR_ATTRIBUTE_READ_ONLY),
            aes("a key that is not trusted", TestAttribute(CKA_TRUSTED, false)),
            aes("an unknown attribute", TestAttribute(0x8000_1234, [1]), CKR_ATTRIBUTE_TYPE_INVALID),
            aes("an attribute of RSA keys", TestAttribute(CKA_MODULUS, [1]), CKR_ATTRIBUTE_TYPE_INVALID),
            aes("an attribute of data", TestAttribute(CKA_APPLICATION, "x"), CKR_ATTRIBUTE_TYPE_INVALID),
            aes("a flag of two bytes", TestAttribute(CKA_SIGN, [1, 0]), CKR_ATTRIBUTE_VALUE_INVALID),
            aes("an empty flag", TestAttribute(CKA_SIGN, [UInt8]()), CKR_ATTRIBUTE_VALUE_INVALID),
            aes("a flag that is 2", TestAttribute(CKA_SIGN, [2]), CKR_ATTRIBUTE_VALUE_INVALID),
            aes("a date that is none", TestAttribute(CKA_START_DATE, "20261301"), CKR_ATTRIBUTE_VALUE_INVALID),
            aes("a date of six digits", TestAttribute(CKA_END_DATE, "261122"), CKR_ATTRIBUTE_VALUE_INVALID),
            aes("no date", TestAttribute(CKA_START_DATE, [UInt8]())),
            aes("a date", TestAttribute(CKA_START_DATE, "20261122")),
            aes(
                "mechanisms of seven bytes", TestAttribute(CKA_ALLOWED_MECHANISMS, [UInt8](repeating: 0, count: 7)),
                CKR_ATTRIBUTE_VALUE_INVALID),
            aes("the same attribute twice with one value", aesType),
            aes(
                "the same attribute twice with two values", TestAttribute(CKA_VALUE, [UInt8](repeating: 2, count: 16)),
                CKR_TEMPLATE_INCONSISTENT),
            DraftCase(
                "a key type of four bytes", [secretClass, TestAttribute(CKA_KEY_TYPE, [0x1F, 0, 0, 0]), value],
                CKR_ATTRIBUTE_VALUE_INVALID),
            DraftCase(
                "the number of bits of an RSA key",
                [
                    TestAttribute(CKA_CLASS, CKO_PUBLIC_KEY), TestAttribute(CKA_KEY_TYPE, CKK_RSA),
                    TestAttribute(CKA_MODULUS, [1]), TestAttribute(CKA_PUBLIC_EXPONENT, [3]),
                    TestAttribute(CKA_MODULUS_BITS, 2_048),
                ], CKR_ATTRIBUTE_READ_ONLY),
            DraftCase(
                "an empty modulus",
                [
                    TestAttribute(CKA_CLASS, CKO_PUBLIC_KEY), TestAttribute(CKA_KEY_TYPE, CKK_RSA),
                    TestAttribute(CKA_MODULUS, [UInt8]()), TestAttribute(CKA_PUBLIC_EXPONENT, [3]),
                ], CKR_ATTRIBUTE_VALUE_INVALID),
            DraftCase(
                "an EC point without its curve",
                [
                    TestAttribute(CKA_CLASS, CKO_PUBLIC_KEY), TestAttribute(CKA_KEY_TYPE, CKK_EC),
                    TestAttribute(CKA_EC_POINT, [4]),
                ], CKR_TEMPLATE_INCOMPLETE),
            DraftCase(
                "a certificate without its subject",
                [
                    TestAttribute(CKA_CLASS, CKO_CERTIFICATE), TestAttribute(CKA_CERTIFICATE_TYPE, CKC_X_509),
                    TestAttribute(CKA_VALUE, Samples.certificate),
                ], CKR_TEMPLATE_INCOMPLETE),
            DraftCase(
                "an attribute certificate",
                [
                    TestAttribute(CKA_CLASS, CKO_CERTIFICATE),
                    TestAttribute(CKA_CERTIFICATE_TYPE, CKC_X_509_ATTR_CERT), TestAttribute(CKA_VALUE, [1]),
                ], CKR_ATTRIBUTE_VALUE_INVALID),
            DraftCase("empty data", [TestAttribute(CKA_CLASS, CKO_DATA)]),
        ]
    }

    static var otherCases: [DraftCase] {
        let secret = CKO_SECRET_KEY
        return [
            DraftCase("a length", .generate, secret, CKK_AES, [TestAttribute(CKA_VALUE_LEN, 32)]),
            DraftCase("class and type again", .generate, secret, CKK_DES3, [secretClass]),
            DraftCase("no length", .generate, secret, CKK_AES, [], CKR_TEMPLATE_INCOMPLETE),
            DraftCase(
                "a value for a new key", .generate, secret, CKK_AES, [TestAttribute(CKA_VALUE_LEN, 16), value],
                CKR_ATTRIBUTE_READ_ONLY),
            DraftCase(
                "a length of a DES key", .generate, secret, CKK_DES3, [TestAttribute(CKA_VALUE_LEN, 24)],
                CKR_ATTRIBUTE_TYPE_INVALID),
            DraftCase(
                "another class than the mechanism's", .generate, secret, CKK_AES,
                [TestAttribute(CKA_CLASS, CKO_PUBLIC_KEY)], CKR_TEMPLATE_INCONSISTENT),
            DraftCase(
                "another type than the mechanism's", .generate, secret, CKK_AES,
                [TestAttribute(CKA_KEY_TYPE, CKK_GENERIC_SECRET)], CKR_TEMPLATE_INCONSISTENT),
            DraftCase("no size of an RSA key", .generate, CKO_PUBLIC_KEY, CKK_RSA, [], CKR_TEMPLATE_INCOMPLETE),
            DraftCase(
                "a modulus for a new key", .generate, CKO_PUBLIC_KEY, CKK_RSA,
                [TestAttribute(CKA_MODULUS_BITS, 2_048), TestAttribute(CKA_MODULUS, [1])], CKR_ATTRIBUTE_READ_ONLY),
            DraftCase("no curve", .generate, CKO_PUBLIC_KEY, CKK_EC, [], CKR_TEMPLATE_INCOMPLETE),
            DraftCase(
                "the curve with the private key", .generate, CKO_PRIVATE_KEY, CKK_EC,
                [TestAttribute(CKA_EC_PARAMS, [6])], CKR_ATTRIBUTE_READ_ONLY),
            DraftCase("class and type", .unwrap, [secretClass, aesType]),
            DraftCase("a length to check", .unwrap, [secretClass, aesType, TestAttribute(CKA_VALUE_LEN, 16)]),
            DraftCase("no class", .unwrap, [aesType], CKR_TEMPLATE_INCOMPLETE),
            DraftCase("no type", .unwrap, [secretClass], CKR_TEMPLATE_INCOMPLETE),
            DraftCase("a value", .unwrap, [secretClass, aesType, value], CKR_ATTRIBUTE_READ_ONLY),
            DraftCase("a value", .derive, secret, CKK_AES, [value], CKR_ATTRIBUTE_READ_ONLY),
            DraftCase("nothing", .derive, secret, CKK_AES, []),
        ]
    }

    @Test("C_CreateObject", arguments: createCases)
    func create(_ example: DraftCase) throws { try check(example) }

    @Test("Other functions", arguments: otherCases)
    func others(_ example: DraftCase) throws { try check(example) }

    private func check(_ example: DraftCase) throws {
        let template = try template(example.attributes)
        func make() throws(CKError) -> ObjectDraft {
            try ObjectDraft(template, example.origin, class: example.objectClass, subtype: example.subtype)
        }
        if let rv = example.rv {
            #expect(throws: CKError(rv)) { try make() }
        } else {
            #expect(throws: Never.self) { try make() }
        }
    }

    @Test("Defaults are the standard's")
    func defaults() throws {
        let secret = try ObjectDraft(template(Self.secretClass, Self.aesType, Self.value), .create)
        #expect(!secret.isToken && secret.isPrivate && !secret.isSensitive && !secret.isExtractable)
        let privateKey = try ObjectDraft(template(), .generate, class: CKO_PRIVATE_KEY, subtype: CKK_EC)
        #expect(!privateKey.isToken && privateKey.isPrivate && privateKey.isSensitive && !privateKey.isExtractable)
        let data = try ObjectDraft(template(TestAttribute(CKA_CLASS, CKO_DATA)), .create)
        #expect(data.isPrivate && data.subtype == nil)
        #expect(!ObjectDraft.isPrivateByDefault(CKO_PUBLIC_KEY) && !ObjectDraft.isPrivateByDefault(CKO_CERTIFICATE))
    }

    @Test("Every attribute of the rules is in the table, once")
    func tables() {
        let rows = AttributeTable.rows
        #expect(Set(rows.map(\.type)).count == rows.count)
        let names = rows.compactMap(\.storedName)
        #expect(Set(names).count == names.count)
        let subtypes: [(CK_OBJECT_CLASS, CK_ULONG?)] = [
            (CKO_DATA, nil), (CKO_CERTIFICATE, CKC_X_509), (CKO_PUBLIC_KEY, CKK_RSA), (CKO_PUBLIC_KEY, CKK_EC),
            (CKO_PRIVATE_KEY, CKK_RSA), (CKO_PRIVATE_KEY, CKK_EC_MONTGOMERY), (CKO_SECRET_KEY, CKK_AES),
            (CKO_SECRET_KEY, CKK_DES2), (CKO_SECRET_KEY, CKK_SHA512_HMAC),
        ]
        for (objectClass, subtype) in subtypes {
            let rules = AttributeRules.rules(objectClass, subtype) ?? []
            #expect(!rules.isEmpty && Set(rules.map(\.type)).count == rules.count)
            for rule in rules { #expect(AttributeTable.row(rule.type) != nil, "\(rule.type)") }
        }
    }
}

import CPKCS11
import Cryptoki
import KMSModel
import OpenSSLCrypto
import Testing

@Suite("Objects")
struct ObjectTests {
    private func objects(_ name: String, _ type: ObjectType, id: [UInt8]? = nil) throws -> [Object] {
        var key = Samples.key(name, type)
        key.attributes["id"] = id
        return ObjectFactory.objects(ObjectSource(slotID: 1, description: key, context: try TestContext.get()))
    }

    private func value(_ object: Object, _ type: CK_ATTRIBUTE_TYPE) -> [UInt8]? {
        guard case .bytes(let bytes) = object.attributes[type] else { return nil }
        return Array(bytes)
    }

    @Test("A key pair is a public and a private key with the same CKA_ID", arguments: [ObjectType.rsa, .ec])
    func keyPair(type: ObjectType) throws {
        let pair = try objects("name", type)
        #expect(pair.map(\.objectClass) == [CKO_PUBLIC_KEY, CKO_PRIVATE_KEY])
        #expect(pair.map(\.isPrivate) == [false, true])
        let ids = pair.compactMap { value($0, CKA_ID) }
        #expect(ids.count == 2 && ids[0] == ids[1] && ids[0].count == 20)
        #expect(Set(pair.map(\.handle)).count == 2)
        #expect(pair.allSatisfy { $0.label == "name" })
    }

    @Test("A certificate has the CKA_ID of its key")
    func certificate() throws {
        let certificate = try #require(try objects("cert", .certificate).first)
        let key = try #require(try objects("key", .ec).first)
        #expect(value(certificate, CKA_ID) == value(key, CKA_ID))
        #expect(value(certificate, CKA_VALUE) == Samples.certificate)
        #expect(value(certificate, CKA_SUBJECT) == value(certificate, CKA_ISSUER))
        #expect(value(certificate, CKA_CHECK_VALUE)?.count == 3)
        #expect(value(certificate, CKA_END_DATE)?.count == 8)
    }

    @Test("An ID that the KMS stores wins")
    func storedID() throws {
        for object in try objects("name", .rsa, id: [1, 2]) { #expect(value(object, CKA_ID) == [1, 2]) }
    }

    @Test("Private values are sensitive, public ones are there on both halves")
    func sensitivity() throws {
        let key = try #require(try objects("name", .rsa).last)
        guard case .sensitive = key.attributes[CKA_PRIVATE_EXPONENT] else {
            Issue.record("CKA_PRIVATE_EXPONENT must be sensitive")
            return
        }
        #expect(value(key, CKA_MODULUS)?.count == 256)
        #expect(value(key, CKA_PUBLIC_EXPONENT) == [1, 0, 1])
        #expect(!key.attributes.matches(CKA_PRIVATE_EXPONENT, []))
        let ec = try #require(try objects("name", .ec).last)
        #expect(value(ec, CKA_EC_PARAMS) == bytes(hex: "06082a8648ce3d030107"))
        #expect(value(ec, CKA_EC_POINT)?.prefix(3) == [0x04, 0x41, 0x04])
    }

    @Test("Handles are the same in every process, and differ by slot and class")
    func handles() throws {
        let context = try TestContext.get()
        let key = Samples.key("name", .rsa)
        let first = ObjectFactory.objects(ObjectSource(slotID: 1, description: key, context: context))
        let again = ObjectFactory.objects(ObjectSource(slotID: 1, description: key, context: try TestContext.get()))
        let elsewhere = ObjectFactory.objects(ObjectSource(slotID: 2, description: key, context: context))
        #expect(first.map(\.handle) == again.map(\.handle))
        #expect(Set((first + elsewhere).map(\.handle)).count == 4)
    }

    @Test("An object that makes no sense is left out")
    func nonsense() throws {
        var key = Samples.key("name", .rsa)
        key.publicKey = [1, 2, 3]
        #expect(
            ObjectFactory.objects(ObjectSource(slotID: 1, description: key, context: try TestContext.get())).isEmpty)
        key.publicKey = nil
        #expect(
            ObjectFactory.objects(ObjectSource(slotID: 1, description: key, context: try TestContext.get())).isEmpty)
    }
}

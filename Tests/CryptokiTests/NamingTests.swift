import CPKCS11
import Cryptoki
import KMSBackend
import Testing

@Suite("Names at the KMS and labels")
struct NamingTests {
    private func labels(_ rig: Rig) throws -> [String] {
        let other = try rig.otherProcess()
        return try other.find(template()).map { try other.object($0).label }.sorted()
    }

    @Test("The label is the name; a second key of the label has a name of its own, and the label beside it")
    func conflict() throws {
        let rig = try Rig()
        let first = try rig.aes(token: true, label: "k")
        let second = try rig.aes(token: true, label: "k")
        #expect(first != second)
        let names = rig.backend.keys.map(\.name)
        #expect(names.first == "k" && names.count == 2)
        #expect(names.last?.hasPrefix("k ") == true && names.last?.count == 18)
        #expect(rig.backend.keys.map { $0.attributes["label"] } == [nil, Array("k".utf8)])
        #expect(try labels(rig) == ["k", "k"])
        #expect(Set(try rig.find(TestAttribute(CKA_LABEL, "k"))) == [first, second])
    }

    @Test(
        "A label that cannot be a name is kept beside a name that is made up",
        arguments: ["", " ", "a\nb", String(repeating: "x", count: 201)])
    func impossibleNames(label: String) throws {
        let rig = try Rig()
        let handle = try rig.aes(token: true, label: label)
        #expect(rig.backend.keys.first?.name.hasPrefix("pkcs11-") == true)
        #expect(rig.backend.calls == [.importKey])
        #expect(try rig.attributes(handle).value(CKA_LABEL) == Array(label.utf8))
        #expect(try labels(rig) == [label])
    }

    @Test("A label that is not UTF-8 comes back as it was")
    func binaryLabel() throws {
        let rig = try Rig()
        let handle = try rig.create([
            TestAttribute(CKA_CLASS, CKO_DATA), TestAttribute(CKA_TOKEN, true), TestAttribute(CKA_LABEL, [0xFF, 0]),
        ])
        let other = try rig.otherProcess()
        _ = try other.find(template())
        #expect(try other.object(handle).attributes.value(CKA_LABEL) == [0xFF, 0])
    }

    @Test(
        "Only a taken name is worth another try",
        arguments: [
            (BackendError.Kind.forbidden, CKR_ACTION_PROHIBITED), (.invalid, CKR_ATTRIBUTE_VALUE_INVALID),
            (.unavailable, CKR_DEVICE_ERROR), (.timedOut, CKR_DEVICE_ERROR),
            (.unsupported, CKR_FUNCTION_NOT_SUPPORTED),
        ])
    func otherErrors(kind: BackendError.Kind, rv: CK_RV) throws {
        let rig = try Rig()
        rig.backend.fail(.importKey, kind)
        expect(rv) { _ = try rig.aes(token: true) }
        #expect(rig.backend.calls == [.importKey])
        #expect(try rig.find().isEmpty)
    }

    @Test("A new label renames; one that is taken stays beside the old name")
    func rename() throws {
        let rig = try Rig()
        let one = try rig.aes(token: true, label: "one")
        _ = try rig.aes(token: true, label: "two")
        try rig.set(one, TestAttribute(CKA_LABEL, "uno"))
        #expect(rig.backend.keys.map(\.name) == ["uno", "two"])
        #expect(rig.backend.keys.first?.attributes["label"] == nil)
        try rig.set(one, TestAttribute(CKA_LABEL, "two"))
        #expect(rig.backend.keys.map(\.name) == ["uno", "two"])
        #expect(try labels(rig) == ["two", "two"])
        try rig.set(one, TestAttribute(CKA_LABEL, ""))
        #expect(try labels(rig) == ["", "two"])
        #expect(rig.backend.keys.first?.name == "uno")
    }

    @Test("Another attribute than the label leaves the name alone")
    func nameIsKept() throws {
        let rig = try Rig()
        let first = try rig.aes(token: true, label: "k")
        let second = try rig.aes(token: true, label: "k")
        let names = rig.backend.keys.map(\.name)
        try rig.destroy(first)
        rig.backend.forgetCalls()
        try rig.set(second, TestAttribute(CKA_ID, [5]))
        #expect(rig.backend.keys.map(\.name) == [names[1]])
        #expect(try rig.attributes(second).value(CKA_LABEL) == Array("k".utf8))
    }

    @Test("A label of the public key alone does not rename the pair")
    func publicLabel() throws {
        let rig = try Rig()
        let pair = try rig.pair(token: true)
        try rig.set(pair.publicKey, TestAttribute(CKA_LABEL, "public"))
        #expect(rig.backend.keys.map(\.name) == ["pair"])
        #expect(try rig.find(TestAttribute(CKA_LABEL, "public")) == [pair.publicKey])
        #expect(try rig.find(TestAttribute(CKA_LABEL, "pair")) == [pair.privateKey])
        #expect(try labels(rig) == ["pair", "public"])
    }
}

import CPKCS11
import Cryptoki
import KMSBackend
import KMSModel
import KMSSupport
import Testing

@Suite("How long what the KMS said is believed")
struct CacheTests {
    private func rig(cacheSeconds: Int = 60, _ keys: KeyDescription...) throws -> Rig {
        let rig = try Rig(cacheSeconds: cacheSeconds)
        rig.backend.state.withLock { $0.keys = keys }
        return rig
    }

    private func listings(_ rig: Rig) -> Int { rig.backend.state.withLock { $0.listings } }

    private static func key(_ name: String, id: [UInt8]? = nil) -> KeyDescription {
        var key = Samples.key(name, .ec)
        if let id { key.attributes["id"] = id }
        return key
    }

    @Test("A host that goes on searching asks once in a lifetime")
    func everything() throws {
        let rig = try rig(cacheSeconds: 60, CacheTests.key("a"))
        for second in 0..<60 {
            #expect(try rig.find().count == 2)
            #expect(listings(rig) == 1, "after \(second) s")
            rig.clock.advance(seconds: 1)
        }
        rig.backend.state.withLock { $0.keys = [] }
        #expect(try rig.find().isEmpty)
        #expect(listings(rig) == 2)
    }

    @Test("One that comes back after a pause gets what is there now")
    func pause() throws {
        let rig = try rig(cacheSeconds: 60)
        #expect(try rig.find().isEmpty)
        rig.backend.state.withLock { $0.keys = [CacheTests.key("made meanwhile")] }
        rig.clock.advance(seconds: 1)
        #expect(try rig.find().isEmpty)
        rig.clock.advance(seconds: 2)
        #expect(try rig.find().count == 2)
    }

    @Test("A label is believed for its lifetime, one that is not there for five seconds")
    func labels() throws {
        let rig = try rig(cacheSeconds: 60, CacheTests.key("a"))
        for _ in 0..<59 {
            #expect(try rig.find(TestAttribute(CKA_LABEL, "a")).count == 2)
            rig.clock.advance(seconds: 1)
        }
        #expect(rig.backend.state.withLock { $0.namesListed } == ["a"])
        rig.backend.state.withLock { $0.keys = [] }
        rig.clock.advance(seconds: 1)
        for _ in 0..<10 {
            #expect(try rig.find(TestAttribute(CKA_LABEL, "a")).isEmpty)
            rig.clock.advance(seconds: 1)
        }
        #expect(rig.backend.state.withLock { $0.namesListed } == ["a", "a", "a"])
        rig.backend.state.withLock { $0.keys = [CacheTests.key("a")] }
        rig.clock.advance(seconds: 5)
        #expect(try rig.find(TestAttribute(CKA_LABEL, "a")).count == 2)
    }

    @Test("What a list just did not have is not asked for by name")
    func listedLabels() throws {
        let rig = try rig(cacheSeconds: 60, CacheTests.key("a"))
        #expect(try rig.find().count == 2)
        #expect(try rig.find(TestAttribute(CKA_LABEL, "b")).isEmpty)
        #expect(listings(rig) == 1)
        rig.clock.advance(seconds: 6)
        #expect(try rig.find(TestAttribute(CKA_LABEL, "b")).isEmpty)
        #expect(rig.backend.state.withLock { $0.namesListed } == ["b"])
    }

    @Test("A short lifetime makes that of what is not there still shorter")
    func shortLifetime() throws {
        let rig = try rig(cacheSeconds: 2)
        #expect(try rig.find(TestAttribute(CKA_LABEL, "a")).isEmpty)
        rig.clock.advance(seconds: 1)
        #expect(try rig.find(TestAttribute(CKA_LABEL, "a")).isEmpty)
        #expect(listings(rig) == 2)
    }

    @Test("A class and an id that the KMS stores are one request")
    func storedIDs() throws {
        let rig = try rig(cacheSeconds: 60, CacheTests.key("a", id: [1]), CacheTests.key("b", id: [2]))
        let search = [TestAttribute(CKA_ID, [UInt8(1)]), TestAttribute(CKA_CLASS, CKO_PRIVATE_KEY)]
        for _ in 0..<59 {
            #expect(try rig.token.find(template(search)).count == 1)
            rig.clock.advance(seconds: 1)
        }
        #expect(rig.backend.state.withLock { ($0.listings, $0.idsListed) } == (1, [[1]]))
        _ = rig.backend.state.withLock { $0.keys.removeFirst() }
        rig.clock.advance(seconds: 1)
        #expect(try rig.token.find(template(search)).isEmpty)
    }

    @Test("An id that follows from the public key is found in the list of everything")
    func computedIDs() throws {
        let rig = try rig(cacheSeconds: 60, CacheTests.key("a"), CacheTests.key("b", id: [2]))
        let handle = try #require(try rig.otherProcess().find(template([TestAttribute(CKA_LABEL, "a")])).first)
        let id = try #require(try rig.otherProcessID(of: handle))
        let before = listings(rig)
        for objectClass in [CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_CERTIFICATE] {
            let search = [TestAttribute(CKA_ID, id), TestAttribute(CKA_CLASS, objectClass)]
            #expect(try rig.token.find(template(search)).count == (objectClass == CKO_CERTIFICATE ? 0 : 1))
        }
        #expect(listings(rig) - before == 2)
    }

    @Test("While the KMS is away older knowledge answers, and it is asked now and then only")
    func away() throws {
        let rig = try rig(cacheSeconds: 60, CacheTests.key("a"))
        #expect(try rig.find(TestAttribute(CKA_LABEL, "a")).count == 2)
        rig.backend.fail(.list, .unavailable)
        rig.clock.advance(seconds: 61)
        for _ in 0..<10 { #expect(try rig.find(TestAttribute(CKA_LABEL, "a")).count == 2) }
        #expect(listings(rig) == 2)
        rig.clock.advance(seconds: 6)
        #expect(try rig.find(TestAttribute(CKA_LABEL, "a")).count == 2)
        #expect(listings(rig) == 3)
        expect(CKR_DEVICE_ERROR) { _ = try rig.find(TestAttribute(CKA_LABEL, "b")) }
    }

    @Test("Own writes are seen at once, and what was asked before them is not believed")
    func ownWrites() throws {
        let rig = try rig(cacheSeconds: 60)
        #expect(try rig.find(TestAttribute(CKA_LABEL, "own")).isEmpty)
        let key = try rig.aes(token: true, label: "own")
        #expect(try rig.find(TestAttribute(CKA_LABEL, "own")) == [key])
        try rig.set(key, TestAttribute(CKA_LABEL, "renamed"))
        #expect(try rig.find(TestAttribute(CKA_LABEL, "own")).isEmpty)
        #expect(try rig.find(TestAttribute(CKA_LABEL, "renamed")) == [key])
        try rig.destroy(key)
        #expect(try rig.find(TestAttribute(CKA_LABEL, "renamed")).isEmpty)
    }

    @Test("A rotated key is two objects within the lifetime, and the label is the new one's")
    func rotated() throws {
        let rig = try rig(cacheSeconds: 10, CacheTests.key("a"))
        let old = try rig.find(TestAttribute(CKA_LABEL, "a"))
        rig.backend.state.withLock {
            $0.keys[0].name = "a (rotated at some time)"
            var new = CacheTests.key("a")
            new.id = KeyID("another")
            $0.keys.append(new)
        }
        #expect(try rig.find(TestAttribute(CKA_LABEL, "a")) == old)
        rig.clock.advance(seconds: 10)
        let new = try rig.find(TestAttribute(CKA_LABEL, "a"))
        #expect(new.count == 2 && Set(new).isDisjoint(with: old))
        // Hosts go on with the old one's handles.
        for handle in old { #expect(try rig.attributes(handle).value(CKA_LABEL) == Array("a".utf8)) }
        #expect(try rig.find().count == 4)
        for handle in old {
            #expect(try rig.attributes(handle).value(CKA_LABEL) == Array("a (rotated at some time)".utf8))
        }
    }

    @Test("A new listing of what has not changed gives the same objects")
    func relisted() throws {
        let rig = try rig(cacheSeconds: 0, CacheTests.key("a"), CacheTests.key("b"), Samples.key("c", .certificate))
        let first = try rig.find()
        rig.backend.state.withLock { $0.keys[1].operations = [] }
        #expect(try rig.find() == first)
        for handle in first {
            let attributes = try rig.attributes(handle)
            guard attributes.number(CKA_CLASS) == CKO_PRIVATE_KEY else { continue }
            let label = attributes.value(CKA_LABEL).map { String(decoding: $0, as: UTF8.self) }
            #expect(attributes.flag(CKA_SIGN) == (label == "a"))
        }
    }
}

extension Rig {
    fileprivate func otherProcessID(of handle: CK_OBJECT_HANDLE) throws -> [UInt8]? {
        let other = try otherProcess()
        _ = try other.find(template([]))
        return try other.object(handle).attributes.value(CKA_ID)
    }
}

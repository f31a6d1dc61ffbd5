import CPKCS11
import Cryptoki
import KMSBackend
import KMSSupport
import Testing

/// What is done here while the KMS is still answering a listing: its answer is older than what was done.
@Suite("Changes during a listing")
struct ObjectStoreTests {
    /// Runs once, after the KMS has made its answer.
    private func duringListing(_ rig: Rig, _ body: @escaping @Sendable () -> Void) {
        let isFirst = Locked(true)
        rig.backend.meanwhile { call in
            guard call == .listed else { return }
            let runs = isFirst.withLock { first in
                defer { first = false }
                return first
            }
            if runs { body() }
        }
    }

    @Test("An object that is made in the meantime stays", arguments: [nil, "aes"])
    func made(label: String?) throws {
        let rig = try Rig(cacheSeconds: 0)
        let made = Locked<CK_OBJECT_HANDLE?>(nil)
        duringListing(rig) {
            let handle = try? rig.aes(token: true)
            made.withLock { $0 = handle }
        }
        let search = try template(label.map { [TestAttribute(CKA_LABEL, $0)] } ?? [])
        let found = try rig.token.find(search)
        let handle = try #require(made.withLock { $0 })
        #expect(found == [handle])
        _ = try rig.session.encrypt(.gcm(), handle, [1])
    }

    @Test("An object that is destroyed in the meantime does not come back")
    func destroyed() throws {
        let rig = try Rig(cacheSeconds: 0)
        let gone = try rig.aes(token: true, label: "gone")
        let kept = try rig.aes(token: true, label: "kept")
        duringListing(rig) { try? rig.destroy(gone) }
        #expect(try rig.find() == [kept])
        #expect(try rig.find(TestAttribute(CKA_LABEL, "gone")).isEmpty)
        rig.clock.advance(seconds: 10)
        #expect(try rig.find() == [kept])
    }

    @Test("A change in the meantime is not undone")
    func changed() throws {
        let rig = try Rig(cacheSeconds: 0)
        let key = try rig.aes(token: true, label: "before")
        duringListing(rig) { try? rig.set(key, TestAttribute(CKA_LABEL, "after")) }
        #expect(try rig.find() == [key])
        #expect(try rig.attributes(key).value(CKA_LABEL) == Array("after".utf8))
    }

    @Test("Once things have settled the KMS is believed again")
    func settled() throws {
        let rig = try Rig(cacheSeconds: 0)
        let key = try rig.aes(token: true)
        let keys = rig.backend.keys
        // Somebody else deletes it at once; a KMS may take so long to show what was made here.
        rig.backend.state.withLock { $0.keys = [] }
        #expect(try rig.find() == [key])
        rig.clock.advance(seconds: 3)
        #expect(try rig.find().isEmpty)
        rig.backend.state.withLock { $0.keys = keys }
        #expect(try rig.find() == [key])
    }

    @Test("A key that got another label elsewhere is found by the new one, once")
    func relabelled() throws {
        let rig = try Rig(cacheSeconds: 0)
        let key = try rig.aes(token: true, label: "old")
        rig.clock.advance(seconds: 10)
        #expect(try rig.find() == [key])
        rig.backend.state.withLock { $0.keys[0].name = "new" }
        #expect(try rig.find(TestAttribute(CKA_LABEL, "new")) == [key])
        #expect(try rig.find(TestAttribute(CKA_LABEL, "old")).isEmpty)
        #expect(try rig.find() == [key])
    }

    @Test("A key that the KMS no longer has is asked for again after the operation that missed it")
    func missing() throws {
        let rig = try Rig()
        let key = try rig.aes(token: true)
        #expect(try rig.find() == [key])
        rig.clock.advance(seconds: 5)
        rig.backend.state.withLock { $0.keys = [] }
        #expect(try rig.find(TestAttribute(CKA_LABEL, "aes")) == [key])
        expect(CKR_KEY_HANDLE_INVALID) { _ = try rig.session.encrypt(.gcm(), key, [1]) }
        #expect(try rig.find(TestAttribute(CKA_LABEL, "aes")).isEmpty)
    }
}

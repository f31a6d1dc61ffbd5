import CPKCS11
import Cryptoki
import KMSBackend
import Testing

@Suite("Objects of sessions, copies and their end")
struct SessionObjectTests {
    private func sees(_ rig: Rig, _ handle: CK_OBJECT_HANDLE) -> Bool { (try? rig.token.object(handle)) != nil }

    @Test("What a host brings for a session never leaves this process")
    func staysLocal() throws {
        let rig = try Rig()
        let key = try rig.aes(token: false)
        #expect(rig.backend.calls.isEmpty && rig.backend.keys.isEmpty)
        #expect(try !rig.attributes(key).flag(CKA_TOKEN))
        #expect(try rig.find(TestAttribute(CKA_TOKEN, false)) == [key])
        #expect(try rig.find(TestAttribute(CKA_TOKEN, true)).isEmpty)
        #expect(try rig.find(TestAttribute(CKA_LABEL, "aes")) == [key])
        #expect(try rig.otherProcess().find(template()).isEmpty)
    }

    @Test("A session's end takes its objects and no others")
    func endOfSession() throws {
        let rig = try Rig()
        let other = rig.session(2)
        let mine = try rig.aes(token: false)
        let others = try rig.create(
            [
                TestAttribute(CKA_CLASS, CKO_DATA), TestAttribute(CKA_PRIVATE, false), TestAttribute(CKA_VALUE, "x"),
            ], by: other)
        let kept = try rig.aes(token: true)
        // Sessions of one application share their objects.
        _ = try other.encrypt(.gcm(), mine, [1])
        rig.token.endSession(1)
        #expect(!sees(rig, mine) && sees(rig, others) && sees(rig, kept))
        expect(CKR_KEY_HANDLE_INVALID) { _ = try other.encrypt(.gcm(), mine, [1]) }
        rig.token.endSessions()
        #expect(!sees(rig, others))
        try rig.login()
        #expect(try rig.find() == [kept])
    }

    @Test("C_Logout takes private session objects")
    func logout() throws {
        let rig = try Rig()
        let privateKey = try rig.aes(token: false)
        let publicKey = try rig.aes(token: false, label: "public", [TestAttribute(CKA_PRIVATE, false)])
        try rig.token.logout()
        #expect(!sees(rig, privateKey) && sees(rig, publicKey))
        #expect(try rig.find() == [publicKey])
        try rig.login()
        #expect(!sees(rig, privateKey) && sees(rig, publicKey))
    }

    @Test("Before the login only public session objects can be made")
    func withoutLogin() throws {
        let rig = try Rig(isLoggedIn: false)
        expect(CKR_USER_NOT_LOGGED_IN) { _ = try rig.aes(token: false) }
        expect(CKR_USER_NOT_LOGGED_IN) { _ = try rig.aes(token: true, [TestAttribute(CKA_PRIVATE, false)]) }
        let key = try rig.aes(token: false, [TestAttribute(CKA_PRIVATE, false)])
        #expect(try rig.session.encrypt(.gcm(), key, [1]).count == 17)
        expect(CKR_USER_NOT_LOGGED_IN) { _ = try rig.pair(token: false) }
        #expect(rig.backend.calls.isEmpty)
    }

    @Test("A read-only session makes session objects only")
    func readOnly() throws {
        let rig = try Rig()
        let reader = rig.session(2, isReadWrite: false)
        let data = [TestAttribute(CKA_CLASS, CKO_DATA)]
        expect(CKR_SESSION_READ_ONLY) { _ = try rig.create(data + [TestAttribute(CKA_TOKEN, true)], by: reader) }
        let own = try rig.create(data, by: reader)
        let key = try rig.aes(token: true)
        expect(CKR_SESSION_READ_ONLY) { try rig.token.destroy(key, by: reader.owner) }
        expect(CKR_SESSION_READ_ONLY) {
            _ = try rig.token.copy(own, template(TestAttribute(CKA_TOKEN, true)), by: reader.owner)
        }
        try rig.token.destroy(own, by: reader.owner)
        expect(CKR_OBJECT_HANDLE_INVALID) { try rig.token.destroy(own, by: reader.owner) }
    }

    @Test("Generated session keys are transient keys of the KMS, with what the template says")
    func transient() throws {
        let rig = try Rig()
        let pair = try rig.pair(token: false, private: [TestAttribute(CKA_ID, [3])])
        #expect(rig.backend.calls == [.generate] && rig.backend.keys.isEmpty)
        #expect(rig.backend.state.withLock { $0.transientKeys.count } == 1)
        for handle in [pair.publicKey, pair.privateKey] {
            let attributes = try rig.attributes(handle)
            #expect(attributes.value(CKA_LABEL) == Array("pair".utf8) && attributes.value(CKA_ID) == [3])
            #expect(!attributes.flag(CKA_TOKEN) && attributes.flag(CKA_LOCAL))
        }
        let signature = try rig.session.sign(TestMechanism(CKM_ECDSA_SHA256), pair.privateKey, [1])
        try rig.session.verify(TestMechanism(CKM_ECDSA_SHA256), pair.publicKey, [1], signature)
        rig.token.endSession(1)
        #expect(!sees(rig, pair.privateKey) && !sees(rig, pair.publicKey))
    }

    @Test("Where the configuration says so, session keys are made in this process")
    func localGeneration() throws {
        let rig = try Rig(hasLocalSessionKeys: true)
        let pair = try rig.pair(token: false)
        let key = try TestMechanism(CKM_AES_KEY_GEN).with {
            try rig.token.generateKey($0, template(TestAttribute(CKA_VALUE_LEN, 32)), by: rig.session.owner)
        }
        let signature = try rig.session.sign(TestMechanism(CKM_ECDSA_SHA256), pair.privateKey, [1])
        try rig.session.verify(TestMechanism(CKM_ECDSA_SHA256), pair.publicKey, [1], signature)
        _ = try rig.session.encrypt(.gcm(), key, [1])
        #expect(rig.backend.calls.isEmpty)
        for handle in [pair.privateKey, key] {
            let attributes = try rig.attributes(handle)
            #expect(attributes.flag(CKA_LOCAL) && attributes.flag(CKA_NEVER_EXTRACTABLE))
            expect(CKR_ATTRIBUTE_SENSITIVE) { _ = try rig.read(handle, CKA_VALUE) }
        }
        // Keys of the token are the KMS's all the same.
        _ = try rig.pair(token: true)
        #expect(rig.backend.calls == [.generate])
    }

    // MARK: Copies

    @Test("A copy within sessions keeps the key until the last of them is gone")
    func viewsOfLocalKey() throws {
        let rig = try Rig()
        let key = try rig.aes(token: false)
        let copy = try rig.copy(key, TestAttribute(CKA_LABEL, "copy"), TestAttribute(CKA_DECRYPT, false))
        let sealed = try rig.session.encrypt(.gcm(), key, [1])
        #expect(try rig.session.encrypt(.gcm(), copy, [1]) == sealed)
        expect(CKR_KEY_FUNCTION_NOT_PERMITTED) { _ = try rig.session.decrypt(.gcm(), copy, sealed) }
        try rig.destroy(key)
        #expect(!sees(rig, key))
        #expect(try rig.session.encrypt(.gcm(), copy, [1]) == sealed)
        #expect(rig.backend.calls.isEmpty)
    }

    @Test("A copy of a token's key into the session is a view of it")
    func viewOfTokenKey() throws {
        let rig = try Rig()
        let key = try rig.aes(token: true)
        rig.backend.forgetCalls()
        let copy = try rig.copy(key, TestAttribute(CKA_TOKEN, false), TestAttribute(CKA_LABEL, "view"))
        #expect(rig.backend.calls.isEmpty && rig.backend.keys.count == 1)
        #expect(try rig.session.encrypt(.gcm(), copy, [1]) == (try rig.session.encrypt(.gcm(), key, [1])))
        try rig.destroy(copy)
        #expect(rig.backend.keys.count == 1 && sees(rig, key))
        let second = try rig.copy(key, TestAttribute(CKA_TOKEN, false))
        try rig.destroy(key)
        expect(CKR_KEY_HANDLE_INVALID) { _ = try rig.session.encrypt(.gcm(), second, [1]) }
    }

    @Test("A copy on the token is another key of the KMS", arguments: [true, false])
    func tokenCopy(isToken: Bool) throws {
        let rig = try Rig()
        let key = try rig.aes(token: isToken, [TestAttribute(CKA_ID, [1]), TestAttribute(CKA_EXTRACTABLE, true)])
        let copy = try rig.copy(
            key, TestAttribute(CKA_TOKEN, true), TestAttribute(CKA_EXTRACTABLE, false),
            TestAttribute(CKA_MODIFIABLE, false))
        #expect(rig.backend.keys.count == (isToken ? 2 : 1))
        let attributes = try rig.attributes(copy)
        #expect(attributes.flag(CKA_TOKEN) && !attributes.flag(CKA_EXTRACTABLE) && !attributes.flag(CKA_MODIFIABLE))
        #expect(attributes.value(CKA_LABEL) == Array("aes".utf8) && attributes.value(CKA_ID) == [1])
        #expect(rig.backend.keys.last?.operations.contains(.export) == false)
        try rig.destroy(key)
        let same = try rig.aes(token: false)
        #expect(try rig.session.encrypt(.gcm(), copy, [1]) == (try rig.session.encrypt(.gcm(), same, [1])))
    }

    @Test("Every object has a CKA_UNIQUE_ID of its own, copies too")
    func uniqueIDs() throws {
        let rig = try Rig()
        let key = try rig.aes(token: true)
        let pair = try rig.pair(token: true)
        let handles = [
            key, pair.publicKey, pair.privateKey, try rig.aes(token: false),
            try rig.copy(key, TestAttribute(CKA_TOKEN, true)), try rig.copy(key, TestAttribute(CKA_TOKEN, false)),
        ]
        let ids = try handles.compactMap { try rig.attributes($0).value(CKA_UNIQUE_ID) }
        #expect(Set(ids).count == handles.count)
    }

    @Test("What a view has lost, a copy of it does not get back")
    func copyOfView() throws {
        let rig = try Rig()
        for isToken in [true, false] {
            let key = try rig.aes(token: isToken, [TestAttribute(CKA_EXTRACTABLE, true)])
            let view = try rig.copy(
                key, TestAttribute(CKA_TOKEN, false), TestAttribute(CKA_EXTRACTABLE, false),
                TestAttribute(CKA_SENSITIVE, true), TestAttribute(CKA_DECRYPT, false), TestAttribute(CKA_ID, [8]))
            let copy = try rig.attributes(rig.copy(view, TestAttribute(CKA_TOKEN, true)))
            #expect(!copy.flag(CKA_EXTRACTABLE) && copy.flag(CKA_SENSITIVE) && !copy.flag(CKA_DECRYPT))
            #expect(copy.value(CKA_ID) == [8])
        }
    }

    @Test("A copy may become stricter, never laxer, and not something else")
    func copyRules() throws {
        let rig = try Rig()
        for isToken in [true, false] {
            let key = try rig.aes(token: isToken, [TestAttribute(CKA_SENSITIVE, true)])
            rig.backend.forgetCalls()
            for attribute in [
                TestAttribute(CKA_SENSITIVE, false), TestAttribute(CKA_EXTRACTABLE, true),
                TestAttribute(CKA_KEY_TYPE, CKK_GENERIC_SECRET), TestAttribute(CKA_VALUE, Rig.keyValue),
                TestAttribute(CKA_LOCAL, true), TestAttribute(CKA_TRUSTED, true),
            ] {
                expect(CKR_ATTRIBUTE_READ_ONLY) { _ = try rig.copy(key, attribute) }
            }
            let fixed = try rig.aes(token: isToken, [TestAttribute(CKA_COPYABLE, false)])
            expect(CKR_ACTION_PROHIBITED) { _ = try rig.copy(fixed) }
            let indestructible = try rig.aes(token: isToken, [TestAttribute(CKA_DESTROYABLE, false)])
            expect(CKR_ACTION_PROHIBITED) { try rig.destroy(indestructible) }
        }
        #expect(!rig.backend.calls.contains(.copy) && !rig.backend.calls.contains(.delete))
    }
}

@Suite("The end of one half of a key pair")
struct PairEndTests {
    @Test("The public key goes, the private one stays")
    func publicFirst() throws {
        let rig = try Rig()
        let pair = try rig.pair(token: true)
        try rig.destroy(pair.publicKey)
        #expect(try rig.find() == [pair.privateKey])
        #expect(!rig.backend.calls.contains(.delete))
        let other = try rig.otherProcess()
        #expect(try other.find(template()) == [pair.privateKey])
        _ = try rig.session.sign(TestMechanism(CKM_ECDSA_SHA256), pair.privateKey, [1])
        try rig.destroy(pair.privateKey)
        #expect(rig.backend.keys.isEmpty)
    }

    @Test("The private key goes, the public one stays and is what it was")
    func privateFirst() throws {
        let rig = try Rig()
        let pair = try rig.pair(
            token: true, public: [TestAttribute(CKA_LABEL, "public"), TestAttribute(CKA_ID, [1])],
            private: [
                TestAttribute(CKA_LABEL, "private"), TestAttribute(CKA_ID, [2]), TestAttribute(CKA_MODIFIABLE, false),
            ])
        let signature = try rig.session.sign(TestMechanism(CKM_ECDSA_SHA256), pair.privateKey, [1])
        try rig.destroy(pair.privateKey)
        #expect(rig.backend.calls.contains(.deletePrivateHalf) && !rig.backend.calls.contains(.delete))
        #expect(try rig.find() == [pair.publicKey])
        try rig.session.verify(TestMechanism(CKM_ECDSA_SHA256), pair.publicKey, [1], signature)
        let attributes = try rig.attributes(pair.publicKey)
        #expect(attributes.value(CKA_LABEL) == Array("public".utf8))
        #expect(attributes.value(CKA_ID) == [1])
        #expect(attributes.flag(CKA_MODIFIABLE))
        try rig.destroy(pair.publicKey)
        #expect(rig.backend.keys.isEmpty)
    }

    @Test("A copy of the public key is no second private key")
    func copyOfPublicKey() throws {
        let rig = try Rig()
        let pair = try rig.pair(token: true)
        let copy = try rig.copy(pair.publicKey, TestAttribute(CKA_LABEL, "copy"))
        #expect(try rig.attributes(copy).value(CKA_LABEL) == Array("copy".utf8))
        #expect(try rig.find(TestAttribute(CKA_CLASS, CKO_PRIVATE_KEY)) == [pair.privateKey])
        #expect(try rig.otherProcess().find(template(TestAttribute(CKA_CLASS, CKO_PRIVATE_KEY))) == [pair.privateKey])
    }

    @Test("What is gone at the KMS already is no longer found")
    func goneAlready() throws {
        let rig = try Rig()
        let key = try rig.aes(token: true)
        rig.backend.state.withLock { $0.keys = [] }
        expect(CKR_OBJECT_HANDLE_INVALID) { try rig.destroy(key) }
    }

    @Test("Halves of one pair may live in different places", arguments: [true, false])
    func apart(isPublicOnToken: Bool) throws {
        let rig = try Rig()
        let pair = try rig.pair(
            token: true, public: [TestAttribute(CKA_TOKEN, isPublicOnToken)],
            private: [TestAttribute(CKA_TOKEN, !isPublicOnToken)])
        #expect(try rig.attributes(pair.publicKey).flag(CKA_TOKEN) == isPublicOnToken)
        #expect(try rig.attributes(pair.privateKey).flag(CKA_TOKEN) == !isPublicOnToken)
        let signature = try rig.session.sign(TestMechanism(CKM_ECDSA_SHA256), pair.privateKey, [1])
        try rig.session.verify(TestMechanism(CKM_ECDSA_SHA256), pair.publicKey, [1], signature)
        let token = try rig.find(TestAttribute(CKA_TOKEN, true))
        #expect(token == [isPublicOnToken ? pair.publicKey : pair.privateKey])
        rig.token.endSession(1)
        #expect(try rig.find().count == 1)
    }
}

import FoundationEssentials
import KMSBackend
import KMSModel
import KMSSupport
import KMSTransport
import Testing

struct FortanixKeyLifeTests {
    private let rsa = #"{"kid":"k1","name":"n","obj_type":"RSA","key_size":2048,"key_ops":["SIGN"],"pub_key":"AQID"}"#

    private func specification(_ type: ObjectType, _ operations: KeyOperations = [.sign]) -> KeySpecification {
        KeySpecification(name: "n", type: type, operations: operations)
    }

    // MARK: Generation and import

    @Test func generatesAnRSAKeyThatMayUseAnyPadding() throws {
        let transport = kms { [rsa] _, _ in answer(201, rsa) }
        var wanted = specification(.rsa, [.sign, .decrypt])
        wanted.bits = 2_048
        wanted.publicExponent = 65_537
        wanted.attributes = ["id": [1, 0x61], "label": Array("ä".utf8)]
        let key = try signedIn(transport).generate(wanted, deadline: soon)
        #expect(key.id == KeyID("k1") && key.bits == 2_048 && key.publicKey == [1, 2, 3])
        #expect(
            try transport.lastBody()
                == JSON(
                    #"""
                    {"name":"n","obj_type":"RSA","key_size":2048,"pub_exponent":65537,
                     "key_ops":["SIGN","DECRYPT","APPMANAGEABLE"],
                     "custom_metadata":{"pkcs11-id":"%01a","pkcs11-label":"%C3%A4"},
                     "rsa":{"encryption_policy":[{"padding":null}],"signature_policy":[{"padding":null}]}}
                    """#))
        #expect(transport.trace == ["POST /crypto/v1/keys"])
        #expect(transport.requests.last?.isRepeatable == false)
    }

    @Test func generatesOnACurveWithoutASize() throws {
        let transport = kms { _, _ in
            answer(201, #"{"kid":"k","obj_type":"EC","elliptic_curve":"Ed25519","pub_key":"AQID"}"#)
        }
        var wanted = specification(.ec)
        wanted.curve = .ed25519
        wanted.bits = 256
        #expect(try signedIn(transport).generate(wanted, deadline: soon).curve == .ed25519)
        #expect(
            try transport.lastBody()
                == JSON(
                    #"{"name":"n","obj_type":"EC","elliptic_curve":"Ed25519","key_ops":["SIGN","APPMANAGEABLE"]}"#))
    }

    @Test(arguments: [(128, 112), (192, 168), (168, 168)])
    func des3IsCountedWithoutParity(bits: Int, wire: Int) throws {
        let transport = kms { _, _ in answer(201, #"{"kid":"k","obj_type":"DES3","key_size":168}"#) }
        var wanted = specification(.des3)
        wanted.bits = bits
        _ = try signedIn(transport).generate(wanted, deadline: soon)
        #expect(try transport.lastBody()["key_size"] == .number(Double(wire)))
    }

    @Test func aTransientKeyHasNoNameAndMayBeMadeAgain() throws {
        let transport = kms { _, _ in answer(201, #"{"obj_type":"AES","key_size":256,"transient_key":"AQID"}"#) }
        var wanted = KeySpecification(name: nil, type: .aes, operations: [.encrypt], isTransient: true)
        wanted.bits = 256
        let key = try signedIn(transport).generate(wanted, deadline: soon)
        #expect(key.id == KeyID("AQID", .transient) && key.name.isEmpty)
        #expect(
            try transport.lastBody()
                == JSON(
                    #"{"obj_type":"AES","key_size":256,"transient":true,"key_ops":["ENCRYPT","APPMANAGEABLE"]}"#))
        #expect(transport.requests.last?.isRepeatable == true)
    }

    @Test(arguments: [
        (#"{"obj_type":"AES"}"#, false), (#"{"kid":"k","obj_type":"RSA"}"#, false), (#"{"kid":"k"}"#, false),
        (#"{"kid":"k","obj_type":"AES"}"#, true), (#"{"obj_type":"AES","transient_key":""}"#, true), ("", false),
    ])
    func anAnswerThatDoesNotFitIsAProtocolViolation(body: String, isTransient: Bool) throws {
        let backend = try signedIn(kms { _, _ in answer(201, body) })
        var wanted = specification(.aes)
        wanted.isTransient = isTransient
        let error = #expect(throws: BackendError.self) { try backend.generate(wanted, deadline: soon) }
        #expect(error?.kind == .protocolViolation)
    }

    @Test func aKeyOnAnotherCurveIsAProtocolViolation() throws {
        let backend = try signedIn(
            kms { _, _ in answer(201, #"{"kid":"k","obj_type":"EC","elliptic_curve":"NistP384","pub_key":"AA=="}"#) })
        var wanted = specification(.ec)
        wanted.curve = .nistP256
        let error = #expect(throws: BackendError.self) { try backend.generate(wanted, deadline: soon) }
        #expect(error?.kind == .protocolViolation)
    }

    @Test func whatCannotBeIsRefusedHere() throws {
        let transport = kms { _, _ in answer(500) }
        let backend = try signedIn(transport)
        let refused: [(KeySpecification, BackendError.Kind)] = [
            (specification(.secret), .unsupported), (specification(.opaque), .unsupported),
            (KeySpecification(name: nil, type: .aes, operations: []), .invalid),
            (KeySpecification(name: " ", type: .aes, operations: []), .invalid),
            (KeySpecification(name: "a\nb", type: .aes, operations: []), .invalid),
        ]
        for (wanted, kind) in refused {
            let error = #expect(throws: BackendError.self) { try backend.generate(wanted, deadline: soon) }
            #expect(error?.kind == kind)
        }
        var long = specification(.aes)
        long.attributes = ["label": [UInt8](repeating: 1, count: 1_366)]
        let error = #expect(throws: BackendError.self) { try backend.generate(long, deadline: soon) }
        #expect(error?.kind == .invalid && error?.message.contains("\"label\"") == true)
        #expect(transport.trace.isEmpty)
    }

    @Test func importsMaterial() throws {
        let transport = kms { _, _ in answer(201, #"{"kid":"k","obj_type":"HMAC","key_size":24,"value":"AQID"}"#) }
        var wanted = specification(.hmac, [.macGenerate])
        wanted.bits = 24
        let key = try signedIn(transport).importKey(wanted, value: Secret([1, 2, 3]), deadline: soon)
        #expect(key.id == KeyID("k") && key.value == nil)
        #expect(
            try transport.lastBody()
                == JSON(
                    #"""
                    {"name":"n","obj_type":"HMAC","key_size":24,"key_ops":["MACGENERATE","APPMANAGEABLE"],
                     "value":"AQID"}
                    """#))
        #expect(transport.trace == ["PUT /crypto/v1/keys"] && transport.requests.last?.isRepeatable == false)
    }

    @Test func aRefusalThatRepeatsTheMaterialIsNotQuoted() throws {
        let material = Secret("canary material in full")
        for quote in ["bad value canary material", "bad value " + base64(Array("canary material".utf8))] {
            let error = #expect(throws: BackendError.self) {
                try signedIn(kms { _, _ in answer(400, quote, type: "text/plain") })
                    .importKey(specification(.aes), value: material, deadline: soon)
            }
            #expect(error?.kind == .invalid && error?.message.contains("value") == false)
        }
        let error = #expect(throws: BackendError.self) {
            try signedIn(kms { _, _ in answer(400, "bad key size", type: "text/plain") })
                .importKey(specification(.aes), value: material, deadline: soon)
        }
        #expect(error?.message == "import a key: 400 bad key size")
    }

    /// As old servers answer.
    @Test func aKeyMadeWithoutItsPublicKeyIsAskedFor() throws {
        let transport = kms { [rsa] request, _ in
            request.path.hasPrefix(path.info) ? answer(200, rsa) : answer(201, #"{"kid":"k1","obj_type":"RSA"}"#)
        }
        let key = try signedIn(transport).generate(specification(.rsa), deadline: soon)
        #expect(key.publicKey == [1, 2, 3] && transport.count(path.info) == 1)
        let silent = kms { request, _ in
            request.path.hasPrefix(path.info) ? answer(503) : answer(201, #"{"kid":"k1","obj_type":"RSA"}"#)
        }
        #expect(try signedIn(silent).generate(specification(.rsa), deadline: soon).id == KeyID("k1"))
    }

    // MARK: Change

    @Test func anUpdateKeepsWhatOthersStoredInTheMetadata() throws {
        let transport = kms { request, _ in
            request.method == .patch
                ? answer(200, #"{"kid":"k1","name":"m","obj_type":"AES","custom_metadata":{"pkcs11-id":"%02"}}"#)
                : answer(
                    200,
                    #"{"kid":"k1","obj_type":"AES","custom_metadata":{"theirs":"x","pkcs11-id":"%01","pkcs11-label":"l"}}"#
                )
        }
        var changes = KeyChanges()
        changes.name = "m"
        changes.operations = [.encrypt]
        changes.attributes = ["id": [2]]
        let key = try signedIn(transport).update(KeyID("k1"), changes, deadline: soon)
        #expect(key.name == "m" && key.attributes == ["id": [2]])
        #expect(
            try transport.lastBody()
                == JSON(
                    #"""
                    {"name":"m","key_ops":["ENCRYPT","APPMANAGEABLE"],
                     "custom_metadata":{"theirs":"x","pkcs11-id":"%02"}}
                    """#))
        #expect(transport.trace == ["POST /crypto/v1/keys/info?show_pub_key=true", "PATCH /crypto/v1/keys/k1"])
        #expect(transport.requests.last?.isRepeatable == false)
    }

    @Test func anUpdateWithoutAttributesReadsNothing() throws {
        let transport = kms { _, _ in answer(200, #"{"kid":"k1","name":"m","obj_type":"AES"}"#) }
        var changes = KeyChanges()
        changes.name = "m"
        _ = try signedIn(transport).update(KeyID("k1"), changes, deadline: soon)
        #expect(transport.trace == ["PATCH /crypto/v1/keys/k1"])
        let body = try transport.lastBody()
        #expect(try body == JSON(#"{"name":"m"}"#))
        let error = #expect(throws: BackendError.self) {
            try signedIn(transport).update(KeyID("AQID", .transient), changes, deadline: soon)
        }
        #expect(error?.kind == .unsupported)
    }

    @Test func copiesAStoredKey() throws {
        let transport = kms { _, _ in answer(201, #"{"kid":"k2","obj_type":"AES"}"#) }
        let key = try signedIn(transport).copy(KeyID("k1"), as: specification(.aes, [.encrypt]), deadline: soon)
        #expect(key.id == KeyID("k2"))
        #expect(
            try transport.lastBody()
                == JSON(#"{"key":{"kid":"k1"},"name":"n","key_ops":["ENCRYPT","APPMANAGEABLE"]}"#))
        #expect(transport.trace == ["POST /crypto/v1/keys/copy"] && transport.requests.last?.isRepeatable == false)
    }

    @Test func aTransientKeyIsStoredAndThenGivenItsOperations() throws {
        let transport = kms { request, _ in
            request.method == .patch
                ? answer(200, #"{"kid":"k2","obj_type":"AES","key_ops":["ENCRYPT","APPMANAGEABLE"]}"#)
                : answer(201, #"{"kid":"k2","obj_type":"AES","key_ops":["DECRYPT","ENCRYPT","APPMANAGEABLE"]}"#)
        }
        var wanted = specification(.aes, [.encrypt])
        wanted.attributes = ["id": [7]]
        let key = try signedIn(transport).copy(KeyID("AQID", .transient), as: wanted, deadline: soon)
        #expect(key.id == KeyID("k2") && key.operations == [.encrypt, .appManageable])
        #expect(transport.trace == ["POST /crypto/v1/keys/persist", "PATCH /crypto/v1/keys/k2"])
        let persist = try #require(transport.requests.dropFirst().first?.body)
        #expect(
            try JSON(String(decoding: persist, as: UTF8.self))
                == JSON(#"{"transient_key":"AQID","name":"n","custom_metadata":{"pkcs11-id":"%07"}}"#))
        #expect(try transport.lastBody() == JSON(#"{"key_ops":["ENCRYPT","APPMANAGEABLE"]}"#))
    }

    @Test func aStoredKeyThatKeepsTooManyOperationsIsDeletedAgain() throws {
        let transport = kms { request, _ in
            switch request.method {
            case .patch: answer(403, "no")
            case .delete: answer(204)
            default: answer(201, #"{"kid":"k2","obj_type":"AES","key_ops":["EXPORT"]}"#)
            }
        }
        let error = #expect(throws: BackendError.self) {
            try signedIn(transport).copy(KeyID("AQID", .transient), as: specification(.aes), deadline: soon)
        }
        #expect(error?.kind == .forbidden && transport.trace.last == "DELETE /crypto/v1/keys/k2")
    }

    // MARK: End and export

    @Test func deletes() throws {
        let transport = kms { _, _ in answer(204) }
        let backend = try signedIn(transport)
        try backend.delete(KeyID("k/1"), deadline: soon)
        try backend.deletePrivateHalf(KeyID("k1"), deadline: soon)
        // Ends with the session.
        try backend.delete(KeyID("AQID", .transient), deadline: soon)
        #expect(transport.trace == ["DELETE /crypto/v1/keys/k%2F1", "DELETE /crypto/v1/keys/k1/private"])
        #expect(transport.requests.dropFirst().allSatisfy { !$0.isRepeatable && $0.body == nil })
        for key in [KeyID("x", .local), KeyID("")] {
            let error = #expect(throws: BackendError.self) { try backend.delete(key, deadline: soon) }
            #expect(error?.kind == .unsupported)
        }
    }

    @Test func exports() throws {
        let transport = kms { _, _ in answer(200, #"{"kid":"k1","obj_type":"AES","value":"AQID"}"#) }
        #expect(try signedIn(transport).export(KeyID("k1"), deadline: soon).equals(Secret([1, 2, 3])))
        #expect(try transport.lastBody() == JSON(#"{"kid":"k1"}"#))
        #expect(transport.trace == ["POST /crypto/v1/keys/export"])
        for body in [#"{"kid":"k1","obj_type":"AES"}"#, #"{"kid":"k2","obj_type":"AES","value":"AQID"}"#] {
            let error = #expect(throws: BackendError.self) {
                try signedIn(kms { _, _ in answer(200, body) }).export(KeyID("k1"), deadline: soon)
            }
            #expect(error?.kind == .protocolViolation)
        }
    }

    @Test func theRehearsalGoesThrough() throws { try FortanixDSM.rehearse() }
}

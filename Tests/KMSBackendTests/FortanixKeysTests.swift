import KMSBackend
import KMSModel
import KMSSupport
import KMSTransport
import Testing

struct FortanixKeysTests {
    private func list(
        _ transport: ScriptedTransport, _ query: KeyQuery = KeyQuery(), page: PageToken? = nil
    ) throws(BackendError) -> KeyPage {
        let backend = FortanixDSM(transport: transport)
        try backend.authenticate(Secret(apiKey), deadline: soon)
        return try backend.listKeys(matching: query, page: page, deadline: soon)
    }

    @Test func mapsAKey() throws {
        let page = try list(
            kms { _, _ in
                answer(
                    200,
                    #"""
                    [{"kid":"k1","name":"app.aserracorp.com-key","obj_type":"RSA","key_size":2048,
                      "key_ops":["SIGN","VERIFY","NEWOPERATION"],"enabled":true,"state":"Active","origin":"FortanixHSM",
                      "public_only":false,"never_exportable":true,"pub_key":"AQID","unknown":{"a":[1]},
                      "custom_metadata":{"pkcs11-id":"%01%02c"},"activation_date":"19700101T000001Z",
                      "rsa":{"key_size":2048,"signature_policy":[{"padding":null}],"encryption_policy":[
                        {"padding":{"OAEP":{"mgf":{"mgf1":{"hash":"NEWHASH"}}}}},{"padding":{"OAEP":{"mgf":null}}},
                        {"padding":{"NEWPADDING":{"a":1}}}]},"value":null}]
                    """#)
            })
        let key = try #require(page.keys.first)
        #expect(key.id == KeyID("k1") && key.name == "app.aserracorp.com-key" && key.type == .rsa && key.bits == 2_048)
        #expect(key.operations == [.sign, .verify] && key.isUsable && !key.isPublicOnly && key.isNeverExportable)
        #expect(
            key.isLocal && key.publicKey == [1, 2, 3] && key.attributes == ["id": [1, 2, 0x63]] && key.startSeconds == 1
        )
        #expect(key.value == nil && key.endSeconds == nil)
    }

    @Test(arguments: [
        (#""enabled":false,"state":"Active""#, false), (#""enabled":true,"state":"Deactivated""#, false),
        (#""enabled":true,"state":"PreActive""#, false), (#""enabled":true"#, true),
        (#""enabled":true,"state":null"#, true),
    ])
    func aKeyIsUsableWhenEnabledAndActive(fields: String, isUsable: Bool) throws {
        let page = try list(
            kms { _, _ in
                answer(200, #"[{"kid":"k","obj_type":"EC","elliptic_curve":"NistP384","key_ops":[],\#(fields)}]"#)
            })
        #expect(page.keys.first?.isUsable == isUsable)
        #expect(page.keys.first?.bits == 384)
    }

    @Test func oneUnreadableKeyDoesNotSpoilTheOthers() throws {
        let page = try list(
            kms { _, _ in
                answer(
                    200,
                    #"""
                    [{"kid":"k1","obj_type":"RSA"}, {"kid":"k2"}, 7, null, {"kid":"k4","obj_type":"RSA","pub_key":"*"},
                     {"kid":"k5","obj_type":"BRANDNEW"}, {"obj_type":"AES"}, {"kid":"k6","obj_type":"EC"}]
                    """#)
            })
        #expect(page.keys.map(\.id.text) == ["k1", "k5", "k6"])
        #expect(page.next?.text == "k6")
    }

    @Test func understandsTheFormWithMetadata() throws {
        let page = try list(
            kms { _, _ in answer(200, #"{"metadata":{"total_count":1},"items":[{"kid":"k1","obj_type":"AES"}]}"#) })
        #expect(page.keys.count == 1)
    }

    @Test func followsPagesUntilAnEmptyOne() throws {
        let transport = kms { request, _ in
            switch request.path {
            case let path where path.contains("&start=k2"): answer(200, #"[{"kid":"k3","obj_type":"AES"}]"#)
            case let path where path.contains("&start=k3"): answer(200, "[]")
            default: answer(200, #"[{"kid":"k1","obj_type":"AES"},{"kid":"k2","obj_type":"AES"}]"#)
            }
        }
        let backend = FortanixDSM(transport: transport)
        try backend.authenticate(Secret(apiKey), deadline: soon)
        var ids: [String] = []
        var token: PageToken?
        repeat {
            let page = try backend.listKeys(matching: KeyQuery(), page: token, deadline: soon)
            ids += page.keys.map(\.id.text)
            token = page.next
        } while token != nil
        #expect(ids == ["k1", "k2", "k3"])
        #expect(
            transport.requests.filter { plain($0.path) == path.keys }.allSatisfy { $0.path.contains("sort=kid:asc") })
    }

    /// Otherwise an old server that does not know `start` would be asked for ever.
    @Test func stopsWhenTheServerIgnoresThePage() throws {
        let page = try list(kms { _, _ in answer(200, #"[{"kid":"k1","obj_type":"AES"}]"#) }, page: PageToken("k2"))
        #expect(page.keys.isEmpty && page.next == nil)
    }

    private func paths(_ transport: ScriptedTransport) -> [String] {
        transport.requests.map(\.path).filter { plain($0) == path.keys }
    }

    @Test func aLabelThatIsThereIsOneRequest() throws {
        let transport = kms { _, _ in
            answer(
                200,
                #"""
                [{"kid":"k1","name":"1","obj_type":"AES",
                  "custom_metadata":{"pkcs11-label":"a%26b%20c%2F%C3%BC","other":"1"}},
                 {"kid":"k5","name":"a&b c/ü","obj_type":"AES"}]
                """#)
        }
        let page = try list(transport, KeyQuery(label: "a&b c/ü"))
        #expect(paths(transport).count == 1)
        #expect(paths(transport).first?.hasSuffix("&pkcs11_label=a%26b%20c%2F%C3%BC") == true)
        #expect(page.keys.map(\.id.text) == ["k1", "k5"] && page.next == nil)
        #expect(page.keys.allSatisfy { $0.label == Array("a&b c/ü".utf8) })
        #expect(page.keys.first?.attributes == ["label": Array("a&b c/ü".utf8)])
    }

    @Test func aLabelThatIsNotThereIsSoughtAsNameAndInTheMetadata() throws {
        let transport = kms { request, _ in
            request.path.contains("&name=")
                ? answer(200, #"[{"kid":"k","name":"a b","obj_type":"AES"}]"#) : answer(200, "[]")
        }
        #expect(try list(transport, KeyQuery(label: "a b")).keys.map(\.id.text) == ["k"])
        #expect(paths(transport).count == 3)
        #expect(paths(transport)[1].hasSuffix("&name=a%20b"))
        #expect(paths(transport)[2].hasSuffix("&custom_metadata.pkcs11-label=a%2520b"))
    }

    @Test(arguments: ["", "  ", "a\nb", String(repeating: "x", count: 4_097)])
    func aLabelThatIsNoNameIsNotSoughtAsOne(label: String) throws {
        let transport = kms { _, _ in answer(200, "[]") }
        let page = try list(transport, KeyQuery(label: label))
        #expect(page.keys.isEmpty && page.next == nil)
        #expect(!paths(transport).contains { $0.contains("&name=") })
    }

    @Test func manyOfOneLabelComeInPages() throws {
        let all = (100..<350).map { #"{"kid":"k\#($0)","name":"n","obj_type":"AES"}"# }
        let transport = kms { request, _ in
            let rest = request.path.contains("&start=k199") ? all.dropFirst(100).prefix(150) : all.prefix(100)
            return answer(200, "[" + rest.joined(separator: ",") + "]")
        }
        let page = try list(transport, KeyQuery(label: "n"))
        #expect(page.keys.count == 100 && page.next?.text == "k199")
    }

    @Test func anIdIsOneRequest() throws {
        let transport = kms { _, _ in
            answer(200, #"[{"kid":"k","obj_type":"AES","custom_metadata":{"pkcs11-id":"%FB%FF"}}]"#)
        }
        let page = try list(transport, KeyQuery(storedID: [0xFB, 0xFF]))
        #expect(page.keys.first?.attributes["id"] == [0xFB, 0xFF] && page.next == nil)
        #expect(paths(transport).count == 1 && paths(transport)[0].hasSuffix("&pkcs11_id=%2B%2F8%3D"))
    }

    @Test func metadataThatIsNotPercentCoded() throws {
        let page = try list(
            kms { _, _ in
                answer(
                    200,
                    #"[{"kid":"k","obj_type":"AES","custom_metadata":{"pkcs11-id":"%zz","pkcs11-label":"100%"}}]"#)
            })
        #expect(page.keys.first?.attributes == ["label": Array("100%".utf8)])
    }

    @Test func describesOneKey() throws {
        let transport = kms { _, _ in answer(200, #"{"kid":"K1","obj_type":"HMAC","key_size":160,"value":"AQID"}"#) }
        let backend = try signedIn(transport)
        let key = try backend.describe(KeyID("k1"), deadline: soon)
        #expect(key.id == KeyID("k1") && key.type == .hmac && key.bits == 160 && key.value == nil)
        #expect(try transport.lastBody() == JSON(#"{"kid":"k1"}"#))
        #expect(transport.requests.last?.path == path.info + "?show_pub_key=true")
        let error = #expect(throws: BackendError.self) { try backend.describe(KeyID("k2"), deadline: soon) }
        #expect(error?.kind == .protocolViolation)
    }

    @Test func aCertificateWithoutValueIsFetched() throws {
        let transport = kms { request, _ in
            request.path.hasPrefix(path.info)
                ? answer(200, #"{"kid":"c1","obj_type":"CERTIFICATE","value":"MAA="}"#)
                : answer(
                    200,
                    #"[{"kid":"c1","obj_type":"CERTIFICATE"},{"kid":"c2","obj_type":"CERTIFICATE","value":"MAE="}]"#)
        }
        let page = try list(transport)
        #expect(page.keys.map(\.value) == [[0x30, 0], [0x30, 1]])
        #expect(transport.count(path.info) == 1)
        #expect(transport.requests.last?.body.map { String(decoding: $0, as: UTF8.self) } == #"{"kid":"c1"}"#)
    }

    @Test func aCertificateThatMayNotBeReadIsListedWithoutValue() throws {
        let page = try list(
            kms { request, _ in
                request.path.hasPrefix(path.info)
                    ? answer(403, "no") : answer(200, #"[{"kid":"c1","obj_type":"CERTIFICATE"}]"#)
            })
        #expect(page.keys.count == 1 && page.keys.first?.value == nil)
    }

    @Test func materialOfAKeyIsDropped() throws {
        let page = try list(kms { _, _ in answer(200, #"[{"kid":"k1","obj_type":"AES","value":"AQID"}]"#) })
        #expect(page.keys.first?.value == nil)
    }

    @Test(arguments: ["", "null", "{}", "7", "<html>"])
    func anythingElseIsAProtocolViolation(body: String) {
        let error = #expect(throws: BackendError.self) { try list(kms { _, _ in answer(200, body) }) }
        #expect(error?.kind == .protocolViolation)
    }
}

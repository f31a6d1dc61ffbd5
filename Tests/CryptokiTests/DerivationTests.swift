import CPKCS11
import Cryptoki
import KMSBackend
import KMSSupport
import OpenSSLCrypto
import Testing

@Suite("C_DeriveKey")
struct DerivationTests {
    private static var curve: TestAttribute { TestAttribute(CKA_EC_PARAMS, bytes(hex: "06082a8648ce3d030107")) }
    private static var readable: [TestAttribute] {
        [TestAttribute(CKA_EXTRACTABLE, true), TestAttribute(CKA_SENSITIVE, false)]
    }

    private func secret(_ keyType: CK_KEY_TYPE, _ length: CK_ULONG?, isToken: Bool = false) -> [TestAttribute] {
        [
            TestAttribute(CKA_CLASS, CKO_SECRET_KEY), TestAttribute(CKA_KEY_TYPE, keyType),
            TestAttribute(CKA_TOKEN, isToken), TestAttribute(CKA_LABEL, "derived"),
        ] + (length.map { [TestAttribute(CKA_VALUE_LEN, $0)] } ?? []) + Self.readable
    }

    /// A private key that agrees, at the KMS or in this process, with its parts.
    private func base(_ rig: Rig, isRemote: Bool) throws -> (handle: CK_OBJECT_HANDLE, key: PrivateKey) {
        let key = try PrivateKey.generateEC(.nistP256, in: TestContext.get())
        guard case .ec(_, let scalar) = try key.components() else { throw CKError(CKR_GENERAL_ERROR) }
        let handle = try rig.create([
            TestAttribute(CKA_CLASS, CKO_PRIVATE_KEY), TestAttribute(CKA_KEY_TYPE, CKK_EC), Self.curve,
            TestAttribute(CKA_TOKEN, isRemote), TestAttribute(CKA_LABEL, "base"), TestAttribute(CKA_DERIVE, true),
            TestAttribute(CKA_VALUE, scalar.withBytes { Array($0) }),
        ])
        return (handle, key)
    }

    private func point(_ key: PrivateKey) throws -> [UInt8] {
        let info = try key.subjectPublicKeyInfo()
        guard case .ec(_, let point) = try PublicKey(subjectPublicKeyInfo: info, in: TestContext.get()).components()
        else { throw CKError(CKR_GENERAL_ERROR) }
        return point
    }

    @Test(
        "Both sides of ECDH come to the same secret, wherever the keys are", arguments: [true, false], [true, false])
    func agreement(isRemote: Bool, isToken: Bool) throws {
        let rig = try Rig()
        let context = try TestContext.get()
        let base = try base(rig, isRemote: isRemote)
        let peer = try PrivateKey.generateEC(.nistP256, in: context)
        let shared = try peer.agree(
            with: PublicKey(subjectPublicKeyInfo: base.key.subjectPublicKeyInfo(), in: context))
        let expected = shared.withBytes { Array($0) }
        let point = try point(peer)
        for form in [point, try DEROctetString.encode(point)] {
            let whole = try rig.derive(.ecdh(form), base.handle, secret(CKK_AES, 32, isToken: isToken))
            #expect(try rig.read(whole, CKA_VALUE) == expected)
            let short = try rig.derive(.ecdh(form), base.handle, secret(CKK_AES, 16, isToken: isToken))
            // The leading bytes go.
            #expect(try rig.read(short, CKA_VALUE) == Array(expected.suffix(16)))
            let natural = try rig.derive(.ecdh(form), base.handle, secret(CKK_GENERIC_SECRET, nil, isToken: isToken))
            #expect(try rig.read(natural, CKA_VALUE) == expected)
        }
        let info = [UInt8](1...7)
        let mechanism = TestMechanism.ecdh(point, kdf: CKD_SHA256_KDF, shared: info)
        let long = try rig.derive(mechanism, base.handle, secret(CKK_GENERIC_SECRET, 100, isToken: isToken))
        let x963 = try KeyDerivation.x963(shared, .sha256, sharedInfo: info, length: 100, in: context)
        #expect(try rig.read(long, CKA_VALUE) == x963.withBytes { Array($0) })
        let attributes = try rig.attributes(long)
        #expect(attributes.flag(CKA_TOKEN) == isToken && !attributes.flag(CKA_LOCAL))
        #expect(attributes.value(CKA_LABEL) == Array("derived".utf8))
        expect(CKR_TEMPLATE_INCOMPLETE) {
            _ = try rig.derive(mechanism, base.handle, secret(CKK_GENERIC_SECRET, nil))
        }
        expect(CKR_TEMPLATE_INCONSISTENT) {
            _ = try rig.derive(.ecdh(point), base.handle, secret(CKK_GENERIC_SECRET, 33))
        }
    }

    @Test("A secret that the KMS can keep never leaves it")
    func staysAtKMS() throws {
        let rig = try Rig()
        let base = try base(rig, isRemote: true)
        let point = try point(try PrivateKey.generateEC(.nistP256, in: TestContext.get()))
        rig.backend.forgetCalls()
        let key = try rig.derive(
            .ecdh(point), base.handle,
            [
                TestAttribute(CKA_CLASS, CKO_SECRET_KEY), TestAttribute(CKA_KEY_TYPE, CKK_AES),
                TestAttribute(CKA_VALUE_LEN, 32), TestAttribute(CKA_SENSITIVE, true),
            ])
        #expect(rig.backend.calls.contains(.agree) && !rig.backend.calls.contains(.export))
        expect(CKR_ATTRIBUTE_SENSITIVE) { _ = try rig.read(key, CKA_VALUE) }
        _ = try rig.session.encrypt(.gcm(), key, [1])
    }

    @Test("Points that are none, and parameters that do not fit")
    func refusals() throws {
        let rig = try Rig()
        let base = try base(rig, isRemote: true)
        let point = try point(base.key)
        rig.backend.forgetCalls()
        var off = point
        off[40] ^= 1
        for wrong in [[], [4], off, Array(point.dropLast()), point + [0]] {
            expect(CKR_MECHANISM_PARAM_INVALID) { _ = try rig.derive(.ecdh(wrong), base.handle, secret(CKK_AES, 32)) }
        }
        expect(CKR_MECHANISM_PARAM_INVALID) {
            _ = try rig.derive(.ecdh(point, shared: [1]), base.handle, secret(CKK_AES, 32))
        }
        expect(CKR_MECHANISM_PARAM_INVALID) {
            _ = try rig.derive(.ecdh(point, kdf: 0x99), base.handle, secret(CKK_AES, 32))
        }
        expect(CKR_KEY_SIZE_RANGE) { _ = try rig.derive(.ecdh(point), base.handle, secret(CKK_AES, 20)) }
        expect(CKR_TEMPLATE_INCONSISTENT) {
            _ = try rig.derive(.ecdh(point), base.handle, [TestAttribute(CKA_CLASS, CKO_PRIVATE_KEY)])
        }
        let pair = try rig.pair(token: true)
        expect(CKR_KEY_FUNCTION_NOT_PERMITTED) {
            _ = try rig.derive(.ecdh(point), pair.privateKey, secret(CKK_AES, 32))
        }
        expect(CKR_KEY_TYPE_INCONSISTENT) {
            _ = try rig.derive(.ecdh(point), pair.publicKey, secret(CKK_AES, 32))
        }
        #expect(!rig.backend.calls.contains(.agree))
    }

    @Test("HKDF at the KMS and in this process are the same", arguments: [true, false])
    func hkdf(isToken: Bool) throws {
        let rig = try Rig()
        let more = [TestAttribute(CKA_DERIVE, true)]
        let remote = try rig.aes(token: true, more)
        let local = try rig.aes(token: false, more)
        let mechanism = TestMechanism.hkdf(salt: [1, 2, 3], info: [4])
        let expected = try KeyDerivation.hkdf(
            Secret(Rig.keyValue), .sha256, .extractAndExpand, salt: [1, 2, 3], info: [4], length: 40,
            in: TestContext.get())
        for base in [remote, local] {
            let key = try rig.derive(mechanism, base, secret(CKK_GENERIC_SECRET, 40, isToken: isToken))
            #expect(try rig.read(key, CKA_VALUE) == expected.withBytes { Array($0) })
        }
        expect(CKR_TEMPLATE_INCOMPLETE) { _ = try rig.derive(mechanism, local, secret(CKK_GENERIC_SECRET, nil)) }
        // A KMS does not do the halves.
        expect(CKR_MECHANISM_PARAM_INVALID) {
            _ = try rig.derive(.hkdf(salt: [1], expand: false), remote, secret(CKK_GENERIC_SECRET, nil))
        }
        expect(CKR_MECHANISM_PARAM_INVALID) {
            _ = try rig.derive(.hkdf(extract: false, expand: false), local, secret(CKK_GENERIC_SECRET, 32))
        }
        let extracted = try rig.derive(.hkdf(salt: [1], expand: false), local, secret(CKK_GENERIC_SECRET, nil))
        #expect(try rig.read(extracted, CKA_VALUE).count == 32)
    }

    @Test("The ciphertext of given data as a key", arguments: [true, false])
    func encryptData(isRemote: Bool) throws {
        let rig = try Rig()
        let base = try rig.aes(token: isRemote, [TestAttribute(CKA_DERIVE, true)])
        let data = CipherTests.data(32)
        let sealed = try rig.session.encrypt(TestMechanism(CKM_AES_ECB), base, data)
        let whole = try rig.derive(.encryptData(data), base, secret(CKK_AES, 32))
        #expect(try rig.read(whole, CKA_VALUE) == sealed)
        let short = try rig.derive(.encryptData(data), base, secret(CKK_AES, 16))
        #expect(try rig.read(short, CKA_VALUE) == Array(sealed.prefix(16)))
        expect(CKR_TEMPLATE_INCONSISTENT) {
            _ = try rig.derive(.encryptData(data), base, secret(CKK_GENERIC_SECRET, 33))
        }
        for wrong in [0, 15, 1_040] {
            expect(CKR_MECHANISM_PARAM_INVALID) {
                _ = try rig.derive(.encryptData(CipherTests.data(wrong)), base, secret(CKK_AES, 16))
            }
        }
    }

    @Test("A derived key was always secret only if its base key was")
    func inheritance() throws {
        let rig = try Rig()
        for (isSensitive, isExtractable) in [(true, false), (false, true), (true, true)] {
            let base = try TestMechanism(CKM_AES_KEY_GEN).with {
                try rig.token.generateKey(
                    $0,
                    template(
                        TestAttribute(CKA_VALUE_LEN, 32), TestAttribute(CKA_DERIVE, true),
                        TestAttribute(CKA_SENSITIVE, isSensitive), TestAttribute(CKA_EXTRACTABLE, isExtractable)),
                    by: rig.session.owner)
            }
            let strict = try rig.derive(
                .encryptData(CipherTests.data(32)), base,
                [TestAttribute(CKA_VALUE_LEN, 32), TestAttribute(CKA_SENSITIVE, true)])
            #expect(try rig.attributes(strict).flag(CKA_ALWAYS_SENSITIVE) == isSensitive)
            #expect(try rig.attributes(strict).flag(CKA_NEVER_EXTRACTABLE) == !isExtractable)
            let lax = try rig.derive(
                .encryptData(CipherTests.data(32)), base, [TestAttribute(CKA_VALUE_LEN, 32)] + Self.readable)
            #expect(try !rig.attributes(lax).flag(CKA_ALWAYS_SENSITIVE))
            #expect(try !rig.attributes(lax).flag(CKA_NEVER_EXTRACTABLE))
        }
    }
}

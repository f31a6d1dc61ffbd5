import CPKCS11
import Cryptoki
import KMSBackend
import KMSModel
import Testing

@Suite("Signatures and RSA encryption")
struct AsymmetricTests {
    private static func pss(_ hash: CK_MECHANISM_TYPE, _ mgf: CK_ULONG, salt: CK_ULONG, _ type: CK_MECHANISM_TYPE)
        -> TestMechanism
    {
        TestMechanism(type) { _ in CK_RSA_PKCS_PSS_PARAMS(hashAlg: hash, mgf: mgf, sLen: salt) }
    }

    private func digestInfo() -> [UInt8] {
        bytes(hex: "3031300d060960864801650304020105000420") + [UInt8](repeating: 7, count: 32)
    }

    @Test("What an RSA key signs, its public half verifies, and nothing else", arguments: [true, false])
    func rsaSignatures(isToken: Bool) throws {
        let rig = try Rig()
        let pair = try rig.rsa(token: isToken)
        let session = rig.session
        for (mechanism, data) in [
            (TestMechanism(CKM_SHA256_RSA_PKCS), CipherTests.data(1_000)), (TestMechanism(CKM_SHA512_RSA_PKCS), []),
            (TestMechanism(CKM_RSA_PKCS), digestInfo()), (TestMechanism(CKM_RSA_PKCS), CipherTests.data(36)),
            // No DigestInfo: padded here, and through the bare operation of the KMS.
            (TestMechanism(CKM_RSA_PKCS), CipherTests.data(100)), (TestMechanism(CKM_RSA_PKCS), []),
            (TestMechanism(CKM_RSA_PKCS), CipherTests.data(245)),
            (TestMechanism(CKM_RSA_X_509), [1] + CipherTests.data(200)),
            (Self.pss(CKM_SHA256, CKG_MGF1_SHA256, salt: 32, CKM_SHA256_RSA_PKCS_PSS), CipherTests.data(77)),
            (Self.pss(CKM_SHA384, CKG_MGF1_SHA384, salt: 48, CKM_RSA_PKCS_PSS), CipherTests.data(48)),
        ] {
            var signature = try session.sign(mechanism, pair.privateKey, data)
            #expect(signature.count == 256)
            try session.verify(mechanism, pair.publicKey, data, signature)
            signature[255] ^= 1
            expect(CKR_SIGNATURE_INVALID) { try session.verify(mechanism, pair.publicKey, data, signature) }
            expect(CKR_SIGNATURE_LEN_RANGE) {
                try session.verify(mechanism, pair.publicKey, data, Array(signature.dropLast()))
            }
        }
        expect(CKR_DATA_LEN_RANGE) {
            _ = try session.sign(TestMechanism(CKM_RSA_PKCS), pair.privateKey, CipherTests.data(246))
        }
        expect(CKR_DATA_LEN_RANGE) {
            _ = try session.sign(TestMechanism(CKM_RSA_X_509), pair.privateKey, CipherTests.data(257))
        }
        expect(CKR_DATA_LEN_RANGE) {
            _ = try session.sign(
                Self.pss(CKM_SHA256, CKG_MGF1_SHA256, salt: 32, CKM_RSA_PKCS_PSS), pair.privateKey, [1])
        }
    }

    @Test("The data comes back out of a signature")
    func recovery() throws {
        let rig = try Rig()
        let pair = try rig.rsa(token: true)
        for data in [[UInt8](1...20), CipherTests.data(245)] {
            let mechanism = TestMechanism(CKM_RSA_PKCS)
            try mechanism.with { try rig.session.signRecoverInit($0, key: pair.privateKey) }
            let signature = try withInput(data) { input in
                try collect { try rig.session.signRecover(input, into: $0) }
            }
            try mechanism.with { try rig.session.verifyRecoverInit($0, key: pair.publicKey) }
            let recovered = try withInput(signature) { input in
                try collect { try rig.session.verifyRecover(input, into: $0) }
            }
            #expect(recovered == data)
            try mechanism.with { try rig.session.verifyRecoverInit($0, key: pair.publicKey) }
            expect(CKR_SIGNATURE_INVALID) {
                _ = try withInput([0] + CipherTests.data(255)) { input in
                    try collect { try rig.session.verifyRecover(input, into: $0) }
                }
            }
        }
    }

    @Test("What the public half encrypts, the private one decrypts", arguments: [true, false])
    func rsaEncryption(isToken: Bool) throws {
        let rig = try Rig()
        let pair = try rig.rsa(token: isToken)
        for (mechanism, longest) in [(TestMechanism.oaep, 190), (TestMechanism(CKM_RSA_PKCS), 245)] {
            for count in [0, 1, longest] {
                let sealed = try rig.session.encrypt(mechanism, pair.publicKey, CipherTests.data(count))
                #expect(sealed.count == 256)
                #expect(try rig.session.decrypt(mechanism, pair.privateKey, sealed) == CipherTests.data(count))
            }
            expect(CKR_DATA_LEN_RANGE) {
                _ = try rig.session.encrypt(mechanism, pair.publicKey, CipherTests.data(longest + 1))
            }
            for count in [0, 255, 257] {
                expect(CKR_ENCRYPTED_DATA_LEN_RANGE) {
                    _ = try rig.session.decrypt(mechanism, pair.privateKey, CipherTests.data(count))
                }
            }
        }
        expect(CKR_ENCRYPTED_DATA_INVALID) {
            _ = try rig.session.decrypt(.oaep, pair.privateKey, [0] + CipherTests.data(255))
        }
        // Encryption with a public key needs no KMS.
        #expect(!rig.backend.calls.contains(.encrypt))
    }

    @Test(
        "Curves",
        arguments: [
            (CKM_EC_KEY_PAIR_GEN, "06052b81040021", CKM_ECDSA_SHA224, 56),
            (CKM_EC_KEY_PAIR_GEN, "06052b81040022", CKM_ECDSA_SHA384, 96),
            (CKM_EC_KEY_PAIR_GEN, "06052b81040023", CKM_ECDSA_SHA512, 132),
            (CKM_EC_KEY_PAIR_GEN, "06052b8104000a", CKM_ECDSA, 64),
            (CKM_EC_EDWARDS_KEY_PAIR_GEN, "06032b6570", CKM_EDDSA, 64),
            (CKM_EC_EDWARDS_KEY_PAIR_GEN, "06032b6571", CKM_EDDSA, 114),
        ])
    func curves(generator: CK_MECHANISM_TYPE, curve: String, type: CK_MECHANISM_TYPE, length: Int) throws {
        let rig = try Rig()
        let pair = try TestMechanism(generator).with {
            try rig.token.generateKeyPair(
                $0, public: template(TestAttribute(CKA_EC_PARAMS, bytes(hex: curve))), private: template(),
                by: rig.session.owner)
        }
        let mechanism = TestMechanism(type)
        for _ in 0..<20 {
            let data = CipherTests.data(32)
            let signature = try rig.session.sign(mechanism, pair.privateKey, data)
            #expect(signature.count == length)
            try rig.session.verify(mechanism, pair.publicKey, data, signature)
            expect(CKR_SIGNATURE_INVALID) {
                try rig.session.verify(mechanism, pair.publicKey, data.reversed(), signature)
            }
            expect(CKR_SIGNATURE_INVALID) {
                try rig.session.verify(mechanism, pair.publicKey, data, [UInt8](repeating: 0, count: length))
            }
        }
    }

    @Test("MACs, whole and cut", arguments: [true, false])
    func macs(isToken: Bool) throws {
        let rig = try Rig()
        let aes = try rig.aes(token: isToken)
        let secret = try rig.create([
            TestAttribute(CKA_CLASS, CKO_SECRET_KEY), TestAttribute(CKA_KEY_TYPE, CKK_SHA256_HMAC),
            TestAttribute(CKA_TOKEN, isToken), TestAttribute(CKA_LABEL, "mac"), TestAttribute(CKA_VALUE, Rig.keyValue),
        ])
        for (mechanism, key, length) in [
            (TestMechanism(CKM_SHA256_HMAC), secret, 32), (TestMechanism(CKM_AES_CMAC), aes, 16),
            (TestMechanism(CKM_SHA256_HMAC_GENERAL, ulong(10)), secret, 10),
            (TestMechanism(CKM_AES_CMAC_GENERAL, ulong(4)), aes, 4),
        ] {
            var code = try rig.session.sign(mechanism, key, [1, 2])
            #expect(code.count == length)
            try rig.session.verify(mechanism, key, [1, 2], code)
            code[0] ^= 1
            expect(CKR_SIGNATURE_INVALID) { try rig.session.verify(mechanism, key, [1, 2], code) }
            expect(CKR_SIGNATURE_LEN_RANGE) { try rig.session.verify(mechanism, key, [1, 2], code + [0]) }
        }
        for wrong in [CK_ULONG(0), 33, .max] {
            expect(CKR_MECHANISM_PARAM_INVALID) {
                _ = try rig.session.sign(TestMechanism(CKM_SHA256_HMAC_GENERAL, ulong(wrong)), secret, [])
            }
        }
        // A key of one hash's type is for that hash.
        expect(CKR_KEY_TYPE_INCONSISTENT) { _ = try rig.session.sign(TestMechanism(CKM_SHA512_HMAC), secret, []) }
        expect(CKR_KEY_TYPE_INCONSISTENT) { _ = try rig.session.sign(TestMechanism(CKM_AES_CMAC), secret, []) }
    }

    @Test("A key keeps to the mechanisms that it allows")
    func allowedMechanisms() throws {
        let rig = try Rig()
        for isToken in [true, false] {
            let key = try rig.aes(token: isToken, [TestAttribute(CKA_ALLOWED_MECHANISMS, ulong(CKM_AES_GCM))])
            _ = try rig.session.encrypt(.gcm(), key, [1])
            expect(CKR_MECHANISM_INVALID) { _ = try rig.session.encrypt(.cbcPad(), key, [1]) }
        }
    }
}

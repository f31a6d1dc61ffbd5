import CPKCS11
import Cryptoki
import KMSBackend
import KMSModel
import KMSSupport
import Testing

@Suite("A wrong signature of the KMS does not reach the host")
struct SignatureCheckTests {
    @Test("of other data, by another key, or damaged; RSA", arguments: [VerifiedSignatures.on, .rsa, .off])
    func rsa(which: VerifiedSignatures) throws {
        let rig = try Rig(verifiedSignatures: which)
        let pair = try rig.rsa(token: true)
        let other = try rig.rsa(token: true, label: "other")
        let mechanism = TestMechanism(CKM_SHA256_RSA_PKCS)
        var damaged = try rig.session.sign(mechanism, pair.privateKey, [1])
        damaged[100] ^= 1
        let wrong = [
            try rig.session.sign(mechanism, pair.privateKey, [2]),
            try rig.session.sign(mechanism, other.privateKey, [1]),
            damaged,
        ]
        for signature in wrong {
            rig.backend.state.withLock { $0.signature = signature }
            if which == .off {
                #expect(try rig.session.sign(mechanism, pair.privateKey, [1]) == signature)
            } else {
                expect(CKR_DEVICE_ERROR) { _ = try rig.session.sign(mechanism, pair.privateKey, [1]) }
            }
        }
        // Its length is wrong whatever is verified.
        rig.backend.state.withLock { $0.signature = Array(damaged.dropLast()) }
        expect(CKR_DEVICE_ERROR) { _ = try rig.session.sign(mechanism, pair.privateKey, [1]) }
    }

    @Test("of other data, ECDSA", arguments: [VerifiedSignatures.on, .rsa, .off])
    func ecdsa(which: VerifiedSignatures) throws {
        let rig = try Rig(verifiedSignatures: which)
        let pair = try rig.pair(token: true)
        let mechanism = TestMechanism(CKM_ECDSA_SHA256)
        let good = try rig.session.sign(mechanism, pair.privateKey, [1])
        try rig.session.verify(mechanism, pair.publicKey, [1], good)
        let key = try rig.token.object(pair.privateKey).keyID
        let elsewhere = try rig.backend.material.sign(
            [UInt8](repeating: 1, count: 32), with: .ecdsa(.sha256), key: key, deadline: .init(milliseconds: 1_000))
        rig.backend.state.withLock { $0.signature = elsewhere }
        if which == .on {
            expect(CKR_DEVICE_ERROR) { _ = try rig.session.sign(mechanism, pair.privateKey, [1]) }
        } else {
            #expect(try rig.session.sign(mechanism, pair.privateKey, [1]).count == 64)
        }
    }

    @Test("Every signature that is right passes")
    func right() throws {
        let rig = try Rig(verifiedSignatures: .on)
        let pair = try rig.pair(token: true)
        for length in [1, 20, 31, 32, 48, 64, 100] {
            let block = [UInt8](repeating: 9, count: length)
            let signature = try rig.session.sign(TestMechanism(CKM_ECDSA), pair.privateKey, block)
            try rig.session.verify(TestMechanism(CKM_ECDSA), pair.publicKey, block, signature)
        }
        let rsa = try rig.rsa(token: true)
        for mechanism in [CKM_RSA_PKCS, CKM_RSA_X_509] {
            for length in [1, 36, 100] {
                let block = [UInt8](repeating: 9, count: length)
                #expect(try rig.session.sign(TestMechanism(mechanism), rsa.privateKey, block).count == 256)
            }
        }
    }
}

import CPKCS11
import Cryptoki
import KMSBackend
import KMSModel
import Testing

@Suite("Mechanisms")
struct MechanismTests {
    @Test(
        "DigestInfo is taken apart for every hash",
        arguments: [
            ("3021300906052b0e03021a05000414", HashAlgorithm.sha1),
            ("302d300d06096086480165030402040500041c", .sha224),
            ("3031300d060960864801650304020105000420", .sha256),
            ("3041300d060960864801650304020205000430", .sha384),
            ("3051300d060960864801650304020305000440", .sha512),
        ])
    func digestInfo(prefix: String, hash: HashAlgorithm) throws {
        let digest = (0..<hash.length).map { UInt8($0) }
        let split = try #require(DigestInfo.split(bytes(hex: prefix) + digest))
        #expect(split.hash == hash)
        #expect(split.digest == digest)
    }

    @Test("36 bytes without DigestInfo are TLS 1.0's MD5 and SHA-1")
    func tls1() throws {
        let block = [UInt8](repeating: 7, count: 36)
        let split = try #require(DigestInfo.split(block))
        #expect(split.hash == .ssl3)
        #expect(split.digest == block)
    }

    @Test(
        "What is not DigestInfo to the last byte is refused",
        arguments: [
            "", "00", "3031300d06096086480165030402010500042000",
            // SHA-256 with absent instead of NULL parameters: the KMS would sign another encoding.
            "302f300b0609608648016503040201042000000000000000000000000000000000000000000000000000000000000000ff",
        ])
    func notDigestInfo(block: String) { #expect(DigestInfo.split(bytes(hex: block)) == nil) }

    @Test(
        "CKM_ECDSA finds the hash by the block's length",
        arguments: [(20, HashAlgorithm.sha1), (28, .sha224), (32, .sha256), (48, .sha384), (64, .sha512)])
    func exactBlock(length: Int, hash: HashAlgorithm) throws {
        let block = [UInt8](repeating: 9, count: length)
        let prepared = try ECDSA.digest(ofBlock: block, orderBits: 256)
        #expect(prepared.algorithm == .ecdsa(hash))
        #expect(prepared.input == block)
    }

    @Test("A short block is padded on the left, a long one cut to the order")
    func otherBlocks() throws {
        let short = try ECDSA.digest(ofBlock: [1, 2, 3], orderBits: 256)
        #expect(short.algorithm == .ecdsa(.sha1))
        #expect(short.input == [UInt8](repeating: 0, count: 17) + [1, 2, 3])
        let long = try ECDSA.digest(ofBlock: (0..<40).map { UInt8($0) }, orderBits: 256)
        #expect(long.algorithm == .ecdsa(.sha256))
        #expect(long.input == (0..<32).map { UInt8($0) })
    }

    @Test("An empty block, and one that P-521 would have to cut within a byte, are refused")
    func impossibleBlocks() {
        #expect(throws: CKError(CKR_DATA_LEN_RANGE)) { try ECDSA.digest(ofBlock: [], orderBits: 256) }
        #expect(throws: CKError(CKR_DATA_LEN_RANGE)) {
            try ECDSA.digest(ofBlock: [UInt8](repeating: 1, count: 70), orderBits: 521)
        }
    }

    @Test("A backend that cannot sign with PSS lists PSS for verification only")
    func tableFollowsCapabilities() throws {
        let table = MechanismTable([.signRSAPKCS1])
        let rsa = try table.row(CKM_SHA256_RSA_PKCS).mechanism.info
        #expect(rsa.flags & (CKF_SIGN | CKF_VERIFY) == CKF_SIGN | CKF_VERIFY)
        for type in [CKM_RSA_PKCS_PSS, CKM_ECDSA] {
            // Verification needs no KMS.
            #expect(try table.row(type).mechanism.info.flags & (CKF_SIGN | CKF_VERIFY | CKF_HW) == CKF_VERIFY)
        }
        for type in [CKM_AES_GCM, CKM_AES_KEY_GEN, CKM_SHA256_HMAC, CKM_ECDH1_DERIVE] {
            #expect(throws: CKError(CKR_MECHANISM_INVALID)) { try table.row(type) }
        }
    }

    @Test("A backend that can do nothing leaves what this process does itself")
    func noCapabilities() {
        for row in MechanismTable([]).rows {
            let own = CKF_DIGEST | CKF_VERIFY | CKF_VERIFY_RECOVER | CKF_ENCRYPT
            let traits = CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS | CKF_EC_OID | CKF_EC_CURVENAME
            #expect(row.info.flags & ~(own | traits | CKF_MESSAGE_VERIFY) == 0, "\(row.type)")
        }
    }

    @Test("Every mechanism has one row, with sizes that make sense, and what the KMS performs says so")
    func rowsAreUnique() {
        let rows = MechanismTable(Capabilities(rawValue: .max)).rows
        #expect(Set(rows.map(\.type)).count == rows.count)
        for row in rows {
            let isDigest = row.info.flags & CKF_DIGEST != 0
            #expect((row.info.flags & CKF_HW != 0) != isDigest, "\(row.type)")
            #expect(row.info.ulMinKeySize <= row.info.ulMaxKeySize)
        }
    }

    @Test(
        "Sizes of keys are in the unit that the standard gives",
        arguments: [
            (CKM_RSA_PKCS, 2_048, 4_096), (CKM_ECDSA, 224, 521), (CKM_AES_GCM, 16, 32), (CKM_AES_KEY_GEN, 16, 32),
            (CKM_GENERIC_SECRET_KEY_GEN, 8, 8_192), (CKM_SHA256_HMAC, 1, 1_024), (CKM_SHA256, 0, 0),
            (CKM_DES3_CBC, 0, 0),
        ])
    func sizes(type: CK_MECHANISM_TYPE, least: CK_ULONG, most: CK_ULONG) throws {
        let info = try MechanismTable(Capabilities(rawValue: .max)).row(type).mechanism.info
        #expect(info.ulMinKeySize == least && info.ulMaxKeySize == most)
    }
}

func bytes(hex: String) -> [UInt8] {
    let digits = hex.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
}

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
        #expect(prepared.digest == block)
    }

    @Test("A short block is padded on the left, a long one cut to the order")
    func otherBlocks() throws {
        let short = try ECDSA.digest(ofBlock: [1, 2, 3], orderBits: 256)
        #expect(short.algorithm == .ecdsa(.sha1))
        #expect(short.digest == [UInt8](repeating: 0, count: 17) + [1, 2, 3])
        let long = try ECDSA.digest(ofBlock: (0..<40).map { UInt8($0) }, orderBits: 256)
        #expect(long.algorithm == .ecdsa(.sha256))
        #expect(long.digest == (0..<32).map { UInt8($0) })
    }

    @Test("An empty block, and one that P-521 would have to cut within a byte, are refused")
    func impossibleBlocks() {
        #expect(throws: CKError(CKR_DATA_LEN_RANGE)) { try ECDSA.digest(ofBlock: [], orderBits: 256) }
        #expect(throws: CKError(CKR_DATA_LEN_RANGE)) {
            try ECDSA.digest(ofBlock: [UInt8](repeating: 1, count: 70), orderBits: 521)
        }
    }

    @Test("A backend that cannot sign with PSS does not list PSS")
    func tableFollowsCapabilities() throws {
        let table = MechanismTable([.signRSAPKCS1])
        #expect(try table.row(CKM_SHA256_RSA_PKCS).digest == .sha256)
        #expect(throws: CKError(CKR_MECHANISM_INVALID)) { try table.row(CKM_RSA_PKCS_PSS) }
        #expect(throws: CKError(CKR_MECHANISM_INVALID)) { try table.row(CKM_ECDSA) }
    }

    @Test("Every mechanism has one row, and what the KMS performs says so")
    func rowsAreUnique() {
        let rows = MechanismTable([.signRSAPKCS1, .signRSAPSS, .signECDSA]).rows
        #expect(rows.count == 18)
        #expect(Set(rows.map(\.type)).count == rows.count)
        for row in rows {
            #expect(row.flags & CKF_HW != 0)
            #expect(row.flags & CKF_SIGN != 0)
        }
    }
}

func bytes(hex: String) -> [UInt8] {
    let digits = hex.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
}

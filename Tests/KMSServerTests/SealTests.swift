import KMSServer
import KMSSupport
import OpenSSLCrypto
import Testing

@Suite("What is sealed at rest")
struct SealTests {
    let context: LibraryContext
    let seal: Seal

    init() throws {
        context = try ProcessContext.get()
        seal = try Seal(key: Secret([UInt8](repeating: 7, count: 32)), in: context)
    }

    @Test("opens to what was sealed, under a fresh nonce each time", arguments: [0, 1, 16, 1_000])
    func roundTrip(length: Int) throws {
        let secret = Secret([UInt8](repeating: 0x5A, count: length))
        let first = try seal.seal(secret, for: "object/1")
        let second = try seal.seal(secret, for: "object/1")
        #expect(first != second)
        #expect(try seal.open(first, for: "object/1").equals(secret))
        #expect(first.count == length + 29)
    }

    @Test("does not open under another name")
    func otherName() throws {
        let box = try seal.seal(Secret("value"), for: "object/1")
        #expect(throws: CryptoError.self) { try seal.open(box, for: "object/2") }
    }

    @Test("does not open with any byte changed or missing")
    func changed() throws {
        let box = try seal.seal(Secret("value"), for: "object/1")
        for index in box.indices {
            var changed = box
            changed[index] ^= 1
            #expect(throws: CryptoError.self) { try seal.open(changed, for: "object/1") }
            #expect(throws: CryptoError.self) { try seal.open(Array(box.prefix(index)), for: "object/1") }
        }
    }

    @Test("does not open with another key")
    func otherKey() throws {
        let box = try seal.seal(Secret("value"), for: "object/1")
        let other = try Seal(key: Secret([UInt8](repeating: 8, count: 32)), in: context)
        #expect(throws: CryptoError.self) { try other.open(box, for: "object/1") }
    }

    @Test("refuses keys that do not have 32 bytes", arguments: [0, 16, 31, 33])
    func keyLength(length: Int) {
        #expect(throws: CryptoError.self) {
            try Seal(key: Secret([UInt8](repeating: 7, count: length)), in: context)
        }
    }

    @Test("HKDF: RFC 5869 appendix A.3")
    func hkdf() throws {
        let key = try KeyDerivation.hkdf(Secret([UInt8](repeating: 0x0B, count: 22)), info: "", in: context)
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
        #expect(key.withBytes { Hex.encode($0) } == Array(expected.utf8))
    }

    @Test("scrypt: RFC 7914 section 12, third vector")
    func scrypt() throws {
        let hash = try KeyDerivation.scrypt(
            Secret("pleaseletmein"), salt: Array("SodiumChloride".utf8), cost: .init(logN: 14, r: 8, p: 1), in: context)
        let expected = "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
        #expect(hash.withBytes { Hex.encode($0) } == Array(expected.utf8))
    }

    @Test("a password hash matches its password and no other")
    func password() throws {
        let hash = try PasswordHash.make(Secret("a password"), in: context)
        #expect(hash.hasPrefix("$scrypt$ln=15,r=8,p=1$"))
        #expect(try PasswordHash.matches(Secret("a password"), hash, in: context))
        #expect(try !PasswordHash.matches(Secret("a passwore"), hash, in: context))
        #expect(try PasswordHash.make(Secret("a password"), in: context) != hash)
        for broken in ["", "$scrypt$", "$scrypt$ln=15,r=8$AAAA$AAAA", "a password"] {
            #expect(try !PasswordHash.matches(Secret("a password"), broken, in: context))
        }
    }

    @Test("a master key file reads back; a damaged one does not")
    func masterKey() throws {
        let key = try MasterKey.generate(in: context)
        let text = key.text.withBytes { Array($0) }
        #expect(text.count == 65)
        let again = try #require(MasterKey(text: text))
        #expect(try again.sealingKey(in: context).equals(key.sealingKey(in: context)))
        #expect(try !key.auditKey(in: context).equals(key.sealingKey(in: context)))
        #expect(MasterKey(text: Array(text.dropFirst())) == nil)
        #expect(MasterKey(text: Array("z".utf8) + text.dropFirst()) == nil)
        #expect(MasterKey(text: []) == nil)
    }
}

import KMSModel
import KMSServer
import Testing

@Suite("Text forms")
struct TextFormTests {
    @Test("base64 is read in both alphabets, padded or not")
    func base64() throws {
        let bytes: [UInt8] = [0xFB, 0xEF, 0xFF, 0x00]
        for text in ["++//AA==", "--__AA==", "++//AA", "--__AA"] {
            #expect(Base64.decode(text).map(Array.init) == bytes)
        }
        #expect(Base64.urlEncode(bytes) == "--__AA")
        #expect(Base64.decode("not base64!") == nil)
    }

    @Test("times are written and read as the API has them")
    func timestamps() throws {
        let time = Timestamp(seconds: 1_767_323_045)
        #expect(time.description == "20260102T030405Z")
        #expect(time.rfc3339 == "2026-01-02T03:04:05Z")
        #expect(Timestamp("20260102T030405Z") == time)
        #expect(Timestamp(seconds: 0).description == "19700101T000000Z")
        #expect(Timestamp("20240229T235959Z")?.rfc3339 == "2024-02-29T23:59:59Z")
        for bad in ["", "2026-01-02T03:04:05Z", "20261302T030405Z", "20260102T250405Z", "20260102X030405Z"] {
            #expect(Timestamp(bad) == nil)
        }
    }
}

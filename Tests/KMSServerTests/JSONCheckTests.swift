import KMSServer
import Testing

@Suite("JSON from outside")
struct JSONCheckTests {
    /// nil: the text passes.
    private static func fault(_ bytes: [UInt8]) -> String? {
        do throws(JSONCheck.Fault) {
            try JSONCheck.check(bytes.span)
            return nil
        } catch {
            return error.sentence
        }
    }

    private static func fault(_ text: String) -> String? { fault(Array(text.utf8)) }

    @Test(
        "what RFC 8259 has passes",
        arguments: [
            "{}", "[]", " {\"a\" : 1 } ", "[[],[[]],{\"a\":[]}]", "[1,-0,0.5,1e5,1E+2,12.5e-3]", "[true,false,null]",
            #"["\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"]"#, #"["é 😀"]"#, "\"text\"", "12", "{\"\":1}",
            "{\"a\":1,\"b\":{\"a\":2},\"c\":[{\"a\":3},{\"a\":4}]}", "{\"A\":1,\"a\":2}",
        ])
    func passes(_ text: String) { #expect(JSONCheckTests.fault(text) == nil) }

    @Test(
        "what is no JSON is refused with the place",
        arguments: [
            ("", "cut off"), ("{", "cut off"), ("{\"a\"", "cut off"), ("{\"a\":", "cut off"), ("\"a", "cut off"),
            ("[1,]", "byte 3"), ("{\"a\":1,}", "byte 7"), ("[01]", "byte 2"), ("[1.]", "byte 3"), ("[-]", "byte 2"),
            ("[.5]", "byte 1"), ("[+1]", "byte 1"), ("[1e]", "byte 3"), ("[NaN]", "byte 1"), ("[Infinity]", "byte 1"),
            ("[tru]", "byte 4"), ("nul", "cut off"), ("{} x", "byte 3"), ("{}{}", "byte 2"), ("[1 2]", "byte 3"),
            ("{\"a\" 1}", "byte 5"), ("{a:1}", "byte 1"), ("{'a':1}", "byte 1"), ("{1:1}", "byte 1"),
            ("[\"\\x\"]", "byte 3"), ("[\"\\u00g0\"]", "byte 6"), ("[\"a\nb\"]", "bare control character"),
            ("\u{FEFF}{}", "byte 0"), ("/* */{}", "byte 0"), ("[\"\\u0000\"]", "\\u0000"),
            (#"["\ud800"]"#, "surrogate"), (#"["\udc00"]"#, "surrogate"), (#"["\ud800\u0041"]"#, "surrogate"),
            (#"["\ud800x"]"#, "surrogate"),
        ])
    func refuses(_ text: String, _ part: String) {
        let fault = JSONCheckTests.fault(text)
        #expect(fault?.hasPrefix("is not valid JSON: ") == true)
        #expect(fault?.contains(part) == true, "\(fault ?? "passed")")
    }

    @Test(
        "bytes that are not UTF-8: alone, cut, overlong, surrogates, beyond Unicode, UTF-16",
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xE2, 0x82, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xE0, 0x80, 0x80, 0x22],
            [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0xFF, 0xFE, 0x7B, 0x00, 0x7D, 0x00],
            [0x7B, 0x00, 0x7D, 0x00], [0x22, 0x00, 0x22],
        ] as [[UInt8]])
    func encodings(_ bytes: [UInt8]) { #expect(JSONCheckTests.fault(bytes)?.hasPrefix("is not valid JSON: ") == true) }

    @Test(
        "a field that comes twice is refused, however it is written",
        arguments: [
            #"{"key":1,"key":2}"#, #"{"a":1,"key":1,"b":2,"key":2}"#, #"{"key":1,"k\u0065y":2}"#,
            #"{"a":{"b":[{"key":1,"key":1}]}}"#, #"{"key":{"key":1},"key":2}"#,
            "{" + (0..<40).map { "\"key\($0)\":0," }.joined() + "\"key\":0,\"key\":1}",
        ])
    func duplicates(_ text: String) {
        #expect(JSONCheckTests.fault(text)?.hasPrefix("has the field \"key\" twice") == true)
    }

    @Test("names that Unicode calls the same are the same; others are not")
    func canonicalNames() {
        #expect(JSONCheckTests.fault("{\"\u{E9}\":1,\"e\u{301}\":2}")?.contains("twice") == true)
        #expect(JSONCheckTests.fault("{\"\u{E9}\":1,\"e\":2}") == nil)
        #expect(JSONCheckTests.fault("{" + (0..<40).map { "\"k\($0)\":0" }.joined(separator: ",") + "}") == nil)
    }

    @Test("64 levels pass, 65 and a megabyte of them do not")
    func nesting() {
        func arrays(_ count: Int) -> String {
            String(repeating: "[", count: count) + String(repeating: "]", count: count)
        }
        #expect(JSONCheckTests.fault(arrays(64)) == nil)
        let objects = String(repeating: "{\"a\":", count: 200_000)
        for text in [arrays(65), String(repeating: "[", count: 1_048_576), objects, "{\"unknown\":" + objects] {
            #expect(JSONCheckTests.fault(text) == "is nested deeper than 64 levels")
        }
    }

    @Test("values are counted, deep ones more")
    func work() {
        func numbers(_ count: Int) -> String { "[0" + String(repeating: ",1", count: count) + "]" }
        #expect(JSONCheckTests.fault(numbers(49_998)) == nil)
        #expect(JSONCheckTests.fault(numbers(49_999)) == "holds too many values; send them in parts")
        #expect(JSONCheckTests.fault("[\"\"" + String(repeating: ",\"\"", count: 500_000) + "]") == nil)
        let deep = String(repeating: "[", count: 50) + numbers(20_000) + String(repeating: "]", count: 50)
        #expect(JSONCheckTests.fault(deep) == "holds too many values; send them in parts")
    }
}

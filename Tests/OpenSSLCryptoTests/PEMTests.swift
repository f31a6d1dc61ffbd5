import COpenSSL
import KMSSupport
import OpenSSLCrypto
import Testing

/// What is damaged is said to be, and not passed over as if it were text.
@Suite("PEM")
struct PEMTests {
    static let begin = "-----BEGIN CERTIFICATE-----\n"
    static let end = "-----END CERTIFICATE-----\n"
    static let block = begin + "AAAA\n" + end

    static let damaged: [(String, String)] = [
        ("no END line", begin + "AAAA\n"),
        ("nothing but BEGIN", begin),
        ("cut in the END line", begin + "AAAA\n-----END CERTIFICATE---"),
        ("END of another label", begin + "AAAA\n-----END PRIVATE KEY-----\n"),
        ("no END line before another block", begin + "AAAA\n" + block),
        ("cut after a whole block", block + begin + "AAAA\n"),
        ("no BEGIN line", "AAAA\n" + end),
        ("no BEGIN line after a whole block", block + "AAAA\n" + end),
        ("cut in the BEGIN line", "-----BEGIN CERTIFICATE--\nAAAA\n" + end),
        ("BEGIN line without its beginning", "--BEGIN CERTIFICATE-----\nAAAA\n" + end),
        ("no base64", begin + "A!AA\n" + end),
        ("base64 that is too short", begin + "AAA\n" + end),
        ("nothing between", begin + end),
    ]

    @Test("a damaged block is an error", arguments: damaged)
    func damagedBlock(_ what: String, _ text: String) throws {
        let context = try TestContext.get()
        ERR_clear_error()
        #expect(throws: CryptoError.self, "\(what)") { try PEM.contents(of: "CERTIFICATE", Secret(text), in: context) }
        #expect(throws: CryptoError.self, "\(what)") { try PEM.blocks(Secret(text), in: context) }
        #expect(ERR_peek_error() == 0, "\(what) left an error")
    }

    @Test("the error names the block and what is wrong with it")
    func message() throws {
        let context = try TestContext.get()
        func message(_ text: String) -> String? {
            do throws(CryptoError) {
                _ = try PEM.blocks(Secret(text), in: context)
                return nil
            } catch {
                return error.description
            }
        }
        #expect(message(Self.block + Self.begin) == "PEM block 2 has no END line, or that of another")
        #expect(message(Self.begin + "A!AA\n" + Self.end) == "PEM block 1 is not base64 between BEGIN and END")
        #expect(message("AAAA\n" + Self.end) == "a PEM block lacks its BEGIN or END line, or is empty")
    }

    static let whole: [(String, Int)] = [
        ("", 0), ("no PEM -- at all, to the END of it\n", 0), (block, 1), (String(block.dropLast()), 1),
        (block.replacing("\n", with: "\r\n"), 1),
        ("Subject: a\n" + block + "\nSubject: b\n-- the BEGIN and the END --\n" + block + "text after", 2),
    ]

    @Test("text before, between and after is passed over", arguments: whole)
    func wholeBlocks(_ text: String, _ count: Int) throws {
        let context = try TestContext.get()
        let contents = try PEM.contents(of: "CERTIFICATE", Secret(text), in: context)
        #expect(contents == Array(repeating: [0, 0, 0], count: count))
        #expect(try PEM.blocks(Secret(text), in: context).map(\.label) == contents.map { _ in "CERTIFICATE" })
    }

    @Test("an error of the caller's in the queue does not count, and stays")
    func othersError() throws {
        let context = try TestContext.get()
        ERR_clear_error()
        COpenSSL_put_error(9 << 23 | 102, "file", 1, "function", nil)
        #expect(try PEM.contents(of: "CERTIFICATE", Secret(Self.block), in: context).count == 1)
        #expect(throws: CryptoError.self) { try PEM.blocks(Secret(Self.begin + Self.end), in: context) }
        #expect(ERR_GET_REASON(ERR_get_error()) == 102)
        #expect(ERR_peek_error() == 0)
    }
}

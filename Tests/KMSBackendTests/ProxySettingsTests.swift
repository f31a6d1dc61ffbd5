import KMSSupport
import KMSTransport
import Testing

@Suite struct ProxySettingsTests {
    @Test(arguments: [
        ("*", "kms.example.com", false), ("example.com", "kms.example.com", false),
        (".example.com", "kms.example.com", false), ("example.com.", "EXAMPLE.com", false),
        ("ample.com", "kms.example.com", true), ("kms", "kms.example.com", true),
        ("10.0.0.0/8", "10.200.1.1", false), ("10.0.0.0/8", "11.0.0.1", true), ("10.0.0.1", "10.0.0.1", false),
        ("10.0.0.0/33", "10.0.0.0", true), ("10.0.0.0/x", "10.0.0.0", true), ("0.0.0.0/0", "10.0.0.1", false),
        ("fd00::/8", "fd12::1", false), ("fd00::/8", "fe80::1", true), ("[::1]", "::1", false),
        ("0:0:0:0:0:0:0:1", "::1", false), ("10.0.0.0/8", "kms.example.com", true), ("", "kms.example.com", true),
        ("0.0.1", "127.0.0.1", true),
    ])
    func exceptions(exception: String, host: String, isUsed: Bool) {
        let proxy = ProxySettings(address: Secret("http://p:1"), exceptions: [exception])
        #expect(proxy.applies(to: host) == isUsed)
        #expect(!ProxySettings(exceptions: [exception]).applies(to: host))
    }

    @Test func theEnvironmentInLibcurlsOrder() {
        var variables = [
            "ALL_PROXY": "d", "all_proxy": "c", "HTTPS_PROXY": "b", "https_proxy": "a", "NO_PROXY": "x,y z",
        ]
        for expected in ["a", "b", "c", "d"] {
            let proxy = ProxySettings.fromEnvironment { variables[$0] }
            #expect(proxy.address?.text == expected && proxy.exceptions == ["x", "y", "z"])
            variables[proxy.origin] = expected == "b" ? nil : ""
        }
        #expect(ProxySettings.fromEnvironment { variables[$0] }.address == nil)
        #expect(ProxySettings.fromEnvironment { $0 == "http_proxy" ? "x" : nil }.address == nil)
    }

    @Test(arguments: [
        ("http://user:canary@proxy:3128", "http://proxy:3128", "proxy", 3128), ("proxy", "proxy", "proxy", 1080),
        ("user:canary@proxy:8080/", "proxy:8080/", "proxy", 8080), ("https://proxy", "https://proxy", "proxy", 443),
        ("socks5h://[::1]:99", "socks5h://[::1]:99", "::1", 99),
    ])
    func whatIsShownHasNoPassword(address: String, shown: String, host: String, port: Int) {
        let proxy = ProxySettings(address: Secret(address))
        #expect(proxy.shownAddress == shown && proxy.hasPassword == address.contains("canary"))
        #expect(proxy.place?.host == host && proxy.place?.port == port)
        #expect(ProxySettings.problem(address) == nil)
    }

    @Test func pins() {
        let digest = "YhKJKSzoTt2b5FP18fvpHo7fJYqQCjAa3HWY3tvRMwE="
        #expect(
            TLSOptions.pin(digest) == "sha256//" + digest && TLSOptions.pin("sha256//" + digest) == "sha256//" + digest)
        for wrong in ["", "sha256//", digest + "=", "sha256//" + digest.dropLast(), "sha256//;" + digest.dropFirst()] {
            #expect(TLSOptions.pin(wrong) == nil, "\(wrong)")
        }
    }
}

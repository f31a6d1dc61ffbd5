internal import SwiftASN1
internal import X509

/// `dns_names` and `ip_addresses`, checked.
struct AlternativeNames: Sendable {
    private var dnsNames: [String]
    private var addresses: [[UInt8]]

    var isEmpty: Bool { dnsNames.isEmpty && addresses.isEmpty }

    init(dnsNames: [String], addresses: [String]) throws(KMSError) {
        for name in dnsNames where !AlternativeNames.isHostName(name) {
            throw .badRequest(
                "Field \"dns_names\": \(name.prefix(64).quoted) is no DNS name: letters, digits and hyphens between dots, "
                    + "\"*.\" only in front, other alphabets in their xn-- form")
        }
        self.dnsNames = dnsNames
        self.addresses = []
        for address in addresses {
            guard let bytes = ServerIdentity.address(address) else {
                throw .badRequest(
                    "Field \"ip_addresses\": \(address.prefix(64).quoted) is neither an IPv4 nor an IPv6 address")
            }
            self.addresses.append(bytes)
        }
    }

    var generalNames: SubjectAlternativeNames {
        SubjectAlternativeNames(
            dnsNames.map { .dnsName($0) }
                + addresses.map { .ipAddress(ASN1OctetString(contentBytes: $0[...])) })
    }

    /// RFC 1123 section 2.1, with a wildcard as the whole first label.
    private static func isHostName(_ name: String) -> Bool {
        guard (1...253).contains(name.utf8.count) else { return false }
        var labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if labels.count > 1, labels[0].elementsEqual("*".utf8) { labels.removeFirst() }
        // What looks like an address must not be mistaken for a name.
        if let last = labels.last, last.allSatisfy({ (0x30...0x39).contains($0) }) { return false }
        return labels.allSatisfy { label in
            (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
                && label.allSatisfy { byte in
                    switch byte {
                    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"): true
                    default: false
                    }
                }
        }
    }
}

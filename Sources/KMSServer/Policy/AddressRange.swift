internal import KMSModel

/// An address or CIDR range of an app's `ip_address_policy`, parsed once when the app is loaded.
///
/// IPv4 is kept as IPv6 does it, as ::ffff:a.b.c.d, so that both forms of an address are the same.
package struct AddressRange: Sendable, Equatable {
    private let address: Bits
    private let prefix: Int

    private struct Bits: Equatable {
        var high: UInt64
        var low: UInt64

        /// - Parameter bytes: 4 or 16.
        init(_ bytes: [UInt8]) {
            let all = bytes.count == 4 ? [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + bytes : bytes
            high = all.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            low = all.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
        }

        var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

        func masked(_ prefix: Int) -> Bits {
            var bits = self
            bits.high &= prefix >= 64 ? .max : ~(UInt64.max >> UInt64(prefix))
            bits.low &= prefix >= 128 ? .max : prefix <= 64 ? 0 : ~(UInt64.max >> UInt64(prefix - 64))
            return bits
        }
    }

    /// nil when the text is neither an address nor a range, or has bits beyond its prefix.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let bytes = ServerIdentity.address(String(first)) else { return nil }
        let longest = bytes.count * 8
        var length = longest
        if parts.count == 2 {
            guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let given = Int(parts[1]), given <= longest
            else { return nil }
            length = given
        }
        address = Bits(bytes)
        prefix = length + 128 - longest
        guard address.masked(prefix) == address else { return nil }
    }

    /// - Parameter client: as the socket names it; an IPv6 zone (`%eth0`) does not count.
    package static func contains(_ ranges: [AddressRange], _ client: String?) -> Bool {
        guard let name = client?.prefix(while: { $0 != "%" }), let bytes = ServerIdentity.address(String(name)) else {
            return false
        }
        let bits = Bits(bytes)
        // All of IPv6 is not all of IPv4, although IPv4 is written inside of it.
        return ranges.contains { range in
            (range.address.isIPv4 && range.prefix >= 96) == bits.isIPv4 && bits.masked(range.prefix) == range.address
        }
    }
}

extension AddressPolicy {
    /// The longest list.
    static var most: Int { 256 }

    /// nil: every address.
    ///
    /// - Throws: 400 that names the entry which is no address.
    func ranges() throws(KMSError) -> [AddressRange]? {
        switch self {
        case .allowAll: return nil
        case .whitelist(let texts):
            guard texts.count <= AddressPolicy.most else {
                throw .badRequest("Field \"ip_address_policy\" has more than \(AddressPolicy.most) entries")
            }
            var ranges: [AddressRange] = []
            for text in texts {
                guard let range = AddressRange(text) else {
                    throw .badRequest(
                        "Field \"ip_address_policy\": \(text.prefix(64).quoted) is no IPv4 or IPv6 address and no "
                            + "range such as 10.0.0.0/8, whose bits after the prefix are zero")
                }
                ranges.append(range)
            }
            return ranges
        }
    }
}

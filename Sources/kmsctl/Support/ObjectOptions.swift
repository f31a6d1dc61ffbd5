import ArgumentParser
import KMSModel

/// What every new security object takes.
struct ObjectOptions: ParsableArguments {
    @Option(help: "Group of the object. May be left out when there is only one, or by an app.")
    var group: String?

    @Option(
        help: ArgumentHelp(
            "CKA_ID in hexadecimal, the same for a key and its certificate. Default: the SHA-1 of the public key.",
            valueName: "hex"))
    var id: HexBytes?

    @Option(help: "What the object is for.")
    var description: String?

    func request(name: String, client: AdminClient) throws -> SobjectRequest {
        var request = SobjectRequest()
        request.name = name
        request.description = description
        request.groupID = try client.group(group)
        request.enabled = true
        if let id { request.customMetadata = [PercentCoding.metadataKey: PercentCoding.encode(id.bytes)] }
        return request
    }
}

/// `0a1B` or `0a:1b`.
struct HexBytes: ExpressibleByArgument {
    var bytes: [UInt8]

    init?(argument: String) {
        let digits = argument.filter { $0 != ":" }
        guard !digits.isEmpty, digits.utf8.count % 2 == 0 else { return nil }
        bytes = []
        var rest = digits[...]
        while !rest.isEmpty {
            guard rest.prefix(2).allSatisfy({ $0.isHexDigit && $0.isASCII }),
                let byte = UInt8(rest.prefix(2), radix: 16)
            else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
    }

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

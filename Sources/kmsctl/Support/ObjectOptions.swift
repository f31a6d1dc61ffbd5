import ArgumentParser
import KMSModel
import KMSSupport

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
        let digits = argument.utf8.filter { $0 != UInt8(ascii: ":") }
        guard !digits.isEmpty, let bytes = Hex.decode(digits) else { return nil }
        self.bytes = bytes
    }
}

internal import FoundationEssentials
package import KMSSupport
package import OpenSSLCrypto

/// A master key under a passphrase, as a line of text:
/// `scrypt$ln=17,r=8,p=1$<salt>$<id of the master key>$<sealed master key>`, salt and box in base64.
///
/// The master key itself is random, so that another passphrase needs no other master key.
package struct WrappedMasterKey: Sendable {
    /// In characters.
    package static var shortestPassphrase: Int { 12 }
    /// 128 MiB and less than a second, once for each start.
    private static var cost: KeyDerivation.ScryptCost { .init(logN: 17, r: 8, p: 1) }
    private static var scheme: String { "scrypt" }

    private let cost: KeyDerivation.ScryptCost
    private let salt: [UInt8]
    private let box: [UInt8]
    /// Which master key is in it, to be known without the passphrase.
    package let id: String

    package init(_ key: MasterKey, passphrase: Secret, in context: LibraryContext) throws {
        guard passphrase.text.count >= WrappedMasterKey.shortestPassphrase else {
            throw StartError(
                "the passphrase is shorter than \(WrappedMasterKey.shortestPassphrase) characters; take a longer one",
                .usage)
        }
        cost = WrappedMasterKey.cost
        salt = try Random.bytes(16, in: context)
        id = try key.id(in: context)
        let seal = try Seal(key: KeyDerivation.scrypt(passphrase, salt: salt, cost: cost, in: context), in: context)
        box = try seal.seal(key.text, for: WrappedMasterKey.name(cost, salt, id))
    }

    /// - Parameter text: content of a master key file; nil when it is damaged.
    package init?(text: some Collection<UInt8>) {
        // A master key as it is must not end up in a string, which nobody wipes.
        guard text.starts(with: (WrappedMasterKey.scheme + "$").utf8) else { return nil }
        let line = String(decoding: text, as: UTF8.self)
        let fields = line.split(whereSeparator: \.isNewline).first?.split(separator: "$").map(String.init) ?? []
        guard fields.count == 5, fields[0] == WrappedMasterKey.scheme,
            let cost = KeyDerivation.ScryptCost(text: fields[1]), let salt = Data(base64Encoded: fields[2]),
            fields[3].utf8.count == 16, let box = Data(base64Encoded: fields[4])
        else { return nil }
        self.cost = cost
        self.salt = Array(salt)
        self.box = Array(box)
        id = fields[3]
    }

    /// Content of the master key file.
    package var text: Secret {
        let fields = [
            WrappedMasterKey.scheme, cost.text, Data(salt).base64EncodedString(), id, Data(box).base64EncodedString(),
        ]
        return Secret(fields.joined(separator: "$") + "\n")
    }

    /// nil for another passphrase, and when anything of the text was changed.
    package func open(_ passphrase: Secret, in context: LibraryContext) -> MasterKey? {
        guard let key = try? KeyDerivation.scrypt(passphrase, salt: salt, cost: cost, in: context),
            let text = try? Seal(key: key, in: context).open(box, for: WrappedMasterKey.name(cost, salt, id))
        else { return nil }
        return text.withBytes { MasterKey(text: $0) }
    }

    private static func name(_ cost: KeyDerivation.ScryptCost, _ salt: [UInt8], _ id: String) -> String {
        "master-key/\(cost.text)/\(Hex.text(salt))/\(id)"
    }
}

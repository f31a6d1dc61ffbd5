import KMSModel
import KMSSupport

/// How PKCS#11 programs and NGINX name an object of the KMS.
struct PKCS11Names {
    /// RFC 7512.
    var uri: String?
    var nginx: String?

    init(_ key: Sobject, id: [UInt8]?, token: String) {
        guard let name = key.name else { return }
        let type: String
        switch key.objType {
        case .rsa, .ec: type = key.publicOnly ? "public" : "private"
        case .certificate: type = "cert"
        case .aes, .des, .des3, .hmac, .secret: type = "secret-key"
        case .opaque, .other: type = "data"
        }
        var uri = "pkcs11:token=\(PercentCoding.encode(token.utf8));object=\(PercentCoding.encode(name.utf8))"
        if let id, !id.isEmpty { uri += ";id=" + id.map { "%" + Hex.text([$0]).uppercased() }.joined() }
        uri += ";type=\(type)"
        self.uri = uri
        guard type == "private" else { return }
        // libp11 takes a label as it is; one that NGINX's parser would cut goes into the URI form instead.
        let isPlain = name.utf8.allSatisfy { byte in
            byte > 0x20 && byte < 0x7F && !"\"'\\;{}#$%".utf8.contains(byte)
        }
        nginx =
            isPlain
            ? "ssl_certificate_key engine:pkcs11:label_\(name);" : "ssl_certificate_key \"engine:pkcs11:\(uri)\";"
    }
}

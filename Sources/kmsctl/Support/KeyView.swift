import Cryptoki
import KMSModel
import KMSSupport

/// A security object as kmsctl shows it; the names of the JSON are the API's where it has one.
struct KeyView: Encodable {
    var kid: String?
    var name: String?
    var description: String?
    var obj_type: String
    var key_size: Int?
    var elliptic_curve: String?
    var key_ops: [String]
    var enabled: Bool
    var state: String?
    var origin: String?
    var public_only: Bool
    var never_exportable: Bool?
    /// Base64 of the DER SubjectPublicKeyInfo.
    var pub_key: String?
    /// Base64 of a certificate's DER.
    var certificate: String?
    var group_id: String?
    var created_at: String?
    var activation_date: String?
    var deactivation_date: String?
    /// CKA_ID in hexadecimal, when the KMS stores one.
    var id: String?
    var pkcs11_uri: String?
    /// NGINX's line, for a private key.
    var nginx: String?

    /// - Parameter token: the label of the token that the object is in, for its URI.
    init(_ key: Sobject, token: String) {
        kid = key.kid
        name = key.name
        description = key.description
        obj_type = key.objType.rawValue
        key_size = key.keySize
        elliptic_curve = key.ellipticCurve?.rawValue
        key_ops = KeyOperation.allCases.filter(key.keyOps.contains).map(\.rawValue)
        enabled = key.enabled
        state = key.state?.rawValue
        origin = key.origin?.rawValue
        public_only = key.publicOnly
        never_exportable = key.neverExportable
        pub_key = key.pubKey?.base64EncodedString()
        certificate = key.objType == .certificate ? key.value?.base64EncodedString() : nil
        group_id = key.groupID
        created_at = key.createdAt?.rfc3339
        activation_date = key.activationDate?.rfc3339
        deactivation_date = key.deactivationDate?.rfc3339
        let idBytes = key.customMetadata?[PercentCoding.metadataKey].flatMap(PercentCoding.decode)
        id = idBytes.map(Hex.text)
        let names = PKCS11Names(key, id: idBytes, token: token)
        pkcs11_uri = names.uri
        nginx = names.nginx
    }

    var kindName: String {
        obj_type == ObjectType.certificate.rawValue || !public_only ? obj_type : "\(obj_type) public"
    }

    var sizeName: String? { elliptic_curve ?? key_size.map { "\($0)" } }

    var stateName: String? { enabled ? state : "disabled" }

    private var exportName: String? {
        if key_ops.contains(KeyOperation.export.rawValue) { return "yes" }
        return never_exportable.map { $0 ? "never" : "no, but it was" }
    }

    var text: String {
        Table.list([
            ("Name", name),
            ("Kid", kid),
            ("Description", description),
            ("Type", [kindName, sizeName].compactMap { $0 }.joined(separator: " ")),
            ("Operations", key_ops.joined(separator: " ")),
            ("State", stateName),
            ("Origin", origin),
            ("Exportable", exportName),
            ("Group", group_id),
            ("Created", created_at),
            ("Active from", activation_date),
            ("Active until", deactivation_date),
            ("CKA_ID", id),
            ("PKCS#11 URI", pkcs11_uri),
            ("NGINX", nginx),
        ])
    }
}

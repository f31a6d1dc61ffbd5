internal import COpenSSL
package import KMSModel

/// CKA_EC_PARAMS and OpenSSL's names of the curves.
extension EllipticCurve {
    /// OpenSSL's short name; nil for curves that it does not treat as EC.
    package var openSSLName: String? { family == .weierstrass ? objectName : nil }

    /// OpenSSL's name of the key algorithm: EC takes its curve as a parameter, the others are their curve.
    var algorithmName: String { family == .weierstrass ? "EC" : objectName }

    /// The short name under which OpenSSL knows the object identifier.
    private var objectName: String {
        switch self {
        case .nistP224: "secp224r1"
        case .nistP256: "prime256v1"
        case .nistP384: "secp384r1"
        case .nistP521: "secp521r1"
        case .secP256K1: "secp256k1"
        case .ed25519: "ED25519"
        case .ed448: "ED448"
        case .x25519: "X25519"
        case .x448: "X448"
        }
    }

    /// The curveName that PKCS#11 3.0 allows beside the object identifier (mechanisms, section 2.3.10).
    private var curveName: String? {
        switch self {
        case .nistP224, .nistP256, .nistP384, .nistP521, .secP256K1: nil
        case .ed25519: "edwards25519"
        case .ed448: "edwards448"
        case .x25519: "curve25519"
        case .x448: "curve448"
        }
    }

    /// - Parameter der: an OBJECT IDENTIFIER, or for Edwards and Montgomery curves their name as PrintableString.
    package init?(ecParameters der: [UInt8]) {
        // Comparing encodings instead of decoding: nothing but the one DER form of each name is accepted.
        let match = EllipticCurve.allCases.first { curve in
            if let identifier = try? curve.ecParameters(), identifier == der { return true }
            guard let name = curve.curveName else { return false }
            return (try? EllipticCurve.printableString(name)) == der
        }
        guard let match else { return nil }
        self = match
    }

    /// DER OBJECT IDENTIFIER of the curve, for Edwards and Montgomery curves of the algorithm (RFC 8410).
    package func ecParameters() throws(CryptoError) -> [UInt8] {
        guard let object = OBJ_txt2obj(objectName, 0) else {
            throw CryptoError("OpenSSL does not know the curve \(rawValue)")
        }
        defer { ASN1_OBJECT_free(object) }
        return try DER.encode("the curve's object identifier") { i2d_ASN1_OBJECT(object, $0) }
    }

    private static func printableString(_ text: String) throws(CryptoError) -> [UInt8] {
        guard let string = ASN1_PRINTABLESTRING_new() else { throw CryptoError("out of memory") }
        defer { ASN1_PRINTABLESTRING_free(string) }
        let bytes = Array(text.utf8)
        guard ASN1_STRING_set(string, bytes, Int32(clamping: bytes.count)) == 1 else {
            throw CryptoError("cannot encode the curve's name")
        }
        return try DER.encode("the curve's name") { i2d_ASN1_PRINTABLESTRING(string, $0) }
    }
}

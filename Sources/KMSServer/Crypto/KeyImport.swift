internal import FoundationEssentials
package import KMSModel
package import KMSSupport
package import OpenSSLCrypto

extension KeyMaterial {
    /// The value of PUT /crypto/v1/keys: finds out its format and checks that it is what the request says.
    ///
    /// The official client strips the lines around a PEM and sends what is left, so every DER form arrives here.
    package static func read(_ request: SobjectRequest, in context: LibraryContext) throws -> KeyMaterial {
        guard let value = request.value, !value.isEmpty else {
            throw KMSError.badRequest("Field \"value\" is missing or empty")
        }
        return try read(Secret(value), request, in: context)
    }

    /// A value that came another way than as the request's field: unwrapped, derived or copied.
    package static func read(
        _ value: Secret, _ request: SobjectRequest, in context: LibraryContext
    ) throws -> KeyMaterial {
        // The client that imports a secret leaves the type out.
        let type = request.objType ?? .secret
        let material: KeyMaterial
        switch type {
        case .rsa, .ec: material = try readKey(value, as: type, in: context)
        case .certificate: material = try readCertificate(value.withBytes { Array($0) }, in: context)
        case .aes, .des3, .hmac, .secret, .opaque: material = try KeyMaterial(raw: value, type: type, in: context)
        case .des, .other: throw KMSError.badRequest(unsupportedType)
        }
        try material.checkAgainst(request)
        return material
    }

    private static func readKey(
        _ value: Secret, as type: ObjectType, in context: LibraryContext
    ) throws -> KeyMaterial {
        let bytes = value.withBytes { Array($0) }
        let material: KeyMaterial
        if let key = try? PrivateKey(der: value, in: context) {
            guard key.kind.objectType == type else {
                throw mismatch(type, "an \(key.kind.objectType.rawValue) private key")
            }
            // Before the check of its parts, which takes seconds and more for a huge one.
            try checkSize(type, key.kind.bits)
            guard key.isConsistent() else {
                throw KMSError.badRequest("Field \"value\": the parts of the private key do not fit together")
            }
            material = try KeyMaterial(key)
        } else if let key = try? PublicKey(subjectPublicKeyInfo: bytes, in: context), let kind = try? key.kind() {
            guard kind.objectType == type else { throw mismatch(type, "an \(kind.objectType.rawValue) public key") }
            material = try KeyMaterial(key)
        } else {
            throw KMSError.badRequest(complaint(bytes, type, in: context))
        }
        try checkSize(type, material.bits)
        return material
    }

    private static func checkSize(_ type: ObjectType, _ bits: Int?) throws(KMSError) {
        guard type == .rsa, let bits, !KeyRules.rsaBits.contains(bits) else { return }
        throw .badRequest("Field \"value\": \(KeyRules.rsaBitsSentence), and this one has \(bits)")
    }

    private static func readCertificate(_ bytes: [UInt8], in context: LibraryContext) throws -> KeyMaterial {
        do throws(CryptoError) {
            return KeyMaterial(try Certificate(der: bytes, in: context))
        } catch {
            guard !looksLikePEM(bytes) else { throw KMSError.badRequest(pemHint) }
            if (try? PrivateKey(der: Secret(bytes), in: context)) != nil {
                throw mismatch(.certificate, "a private key")
            }
            throw KMSError.badRequest("Field \"value\" is not one X.509 certificate in DER")
        }
    }

    private func checkAgainst(_ request: SobjectRequest) throws(KMSError) {
        if let wanted = request.keySize, let bits, wanted != bits {
            // DES3 may be counted with its parity bits.
            let counted = try type == .des3 ? KeySizes.bits(type, bytes: KeySizes.bytes(type, bits: wanted)) : wanted
            guard counted == bits else {
                throw .badRequest("Field \"key_size\" says \(wanted) bits, but \"value\" has \(bits)")
            }
        }
        if let wanted = request.ellipticCurve, let curve, wanted != curve {
            throw .badRequest("Field \"elliptic_curve\" says \(wanted.rawValue), but \"value\" is on \(curve.rawValue)")
        }
    }

    private static func mismatch(_ type: ObjectType, _ found: String) -> KMSError {
        .badRequest("Field \"obj_type\" says \(type.rawValue), but \"value\" holds \(found)")
    }

    /// Why bytes are not a key that we take, as far as that can be told.
    private static func complaint(_ bytes: [UInt8], _ type: ObjectType, in context: LibraryContext) -> String {
        if looksLikePEM(bytes) { return pemHint }
        if (try? Certificate(der: bytes, in: context)) != nil {
            return "Field \"value\" holds an X.509 certificate; import it with obj_type CERTIFICATE"
        }
        do throws(CryptoError) {
            _ = try PrivateKey(der: Secret(bytes), in: context)
        } catch {
            if type == .ec || !error.description.contains("PKCS") {
                return "Field \"value\" is not an \(type.rawValue) key that can be imported: \(error.description)"
            }
        }
        return "Field \"value\" is not an \(type.rawValue) private key (PKCS#1, SEC 1 or unencrypted PKCS#8) "
            + "or public key (SubjectPublicKeyInfo) in DER"
    }

    private static func looksLikePEM(_ bytes: [UInt8]) -> Bool { bytes.starts(with: Array("-----BEGIN".utf8)) }

    private static var pemHint: String { "Field \"value\" holds PEM text; send the base64 between its dashed lines" }
}

internal import FoundationEssentials
internal import KMSModel
internal import KMSSupport
internal import X509

/// Issues end-entity certificates for keys of the KMS, as the vendor's plugin of the same name does.
///
/// Besides its five inputs there are `dns_names`, `ip_addresses`, `key_usage` and `extended_key_usage`, without which no
/// current TLS client accepts a certificate. The certificate is answered as PEM and not stored.
struct X509CAPlugin: NativePlugin {
    static var name: String { "x509-ca" }

    init() {}

    func run(_ input: JSONValue?, _ call: PluginCall) async throws -> PluginOutcome {
        let request = try X509CARequest(input)
        let subject = try await call.key(request.subjectKey, field: "subject_key", for: .read)
        let authority = try await call.key(request.issuerCertificate, field: "issuer_cert", for: .read)
        let issuer = try await call.key(request.issuerKey, field: "issuer_key", for: .sign)
        try checkTrusted(subject.object, field: "subject_key")
        try checkTrusted(authority.object, field: "issuer_cert")
        let key = try IssuingKey(issuer, digest: request.digest, engine: call.vault.engine)
        let certificate = try issue(request, subject, authority, key, call.vault.engine)
        let serial = Hex.text(certificate.serialNumber.bytes)
        try await call.vault.recordUse(
            "signed certificate \(serial) with", issuer.object, key.algorithm.label, call.context,
            call.principal)
        return PluginOutcome(
            value: .text(try certificate.serializeAsPEM().pemString + "\n"),
            summary: "issued certificate \(serial) for \(subject.object.quotedReference), signed with "
                + "\(issuer.object.quotedReference), issuer \(authority.object.quotedReference)",
            groups: [subject, authority, issuer].compactMap(\.object.groupID))
    }

    /// Nobody is told to trust a key that was revoked, nor by a CA that was. The issuer's key is Active, or it would not
    /// sign.
    private func checkTrusted(_ object: Sobject, field: String) throws(KMSError) {
        let state = object.state ?? .active
        guard object.enabled, state == .active || state == .preActive else {
            throw KMSError.forbidden(
                "Requested operation is not allowed: field \"\(field)\": \(object.quotedLabel) is "
                    + (object.enabled ? "in state \(state.rawValue)" : "disabled")
            ).about(object)
        }
    }

    private func issue(
        _ request: X509CARequest, _ subject: LoadedKey, _ authority: LoadedKey, _ issuingKey: IssuingKey,
        _ engine: CryptoEngine
    ) throws -> X509.Certificate {
        let subjectKey = try SubjectKey(subject)
        let parent = try IssuerCertificate(authority.object, key: issuingKey, in: engine.context)
        let usages = try KeyUsages(request.keyUsage, extended: request.extendedKeyUsage, for: subjectKey.type)
        // Certificates count whole seconds.
        let now = Date(timeIntervalSince1970: TimeInterval(Timestamp.now.seconds))
        let certificate = try X509.Certificate(
            version: .v3, serialNumber: try serialNumber(engine), publicKey: subjectKey.publicKey,
            notValidBefore: now, notValidAfter: try parent.end(of: request.lifetime, from: now),
            issuer: parent.certificate.subject, subject: request.subject.name,
            signatureAlgorithm: issuingKey.defaultSignatureAlgorithm,
            extensions: try extensions(request, subjectKey, parent, usages),
            issuerPrivateKey: X509.Certificate.PrivateKey(issuingKey))
        // A fault in the signing must not leave the house (RSA-CRT), and this also ties the two objects together.
        guard parent.certificate.publicKey.isValidSignature(certificate.signature, for: certificate) else {
            throw KMSError.internalError
        }
        try parent.check(certificate, for: usages.verifiablePurposes)
        return certificate
    }

    private func extensions(
        _ request: X509CARequest, _ subject: SubjectKey, _ parent: IssuerCertificate, _ usages: KeyUsages
    ) throws -> X509.Certificate.Extensions {
        var extensions = try X509.Certificate.Extensions {
            Critical(BasicConstraints.notCertificateAuthority)
            Critical(usages.keyUsage)
            SubjectKeyIdentifier(hash: subject.publicKey)
        }
        if let identifier = parent.keyIdentifier {
            try extensions.append(AuthorityKeyIdentifier(keyIdentifier: identifier).makeCertificateExtension())
        }
        if let purposes = try usages.extendedKeyUsage() {
            try extensions.append(purposes.makeCertificateExtension())
        }
        if !request.names.isEmpty {
            // Critical where the subject is empty (RFC 5280 section 4.2.1.6).
            try extensions.append(.init(request.names.generalNames, critical: request.subject.isEmpty))
        }
        return extensions
    }

    /// 128 random bits, of which the first two make it positive and of full length.
    private func serialNumber(_ engine: CryptoEngine) throws -> X509.Certificate.SerialNumber {
        var bytes = try engine.randomBytes(16)
        bytes[0] = bytes[0] & 0x7F | 0x40
        return X509.Certificate.SerialNumber(bytes: bytes)
    }
}

extension Sobject {
    /// For messages that name several objects: name and id.
    fileprivate var quotedReference: String { quotedLabel + (kid.map { " (\($0))" } ?? "") }
}

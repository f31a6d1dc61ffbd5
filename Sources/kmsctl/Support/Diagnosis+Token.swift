import Cryptoki
import KMSBackend
import KMSModel
import KMSSupport
import KMSTransport
import OpenSSLCrypto

// What the token does: log in, list, sign.

extension Diagnosis {
    /// - Parameter names: keys to sign with; empty: every key that signs.
    mutating func token(_ slot: Configuration.Slot, transport: CurlTransport, keys names: [String]) {
        let label = slot.label
        guard let backend = BackendTable.make(slot.backend, transport: transport, appID: slot.appID)
        else { return }
        defer { backend.signOut(deadline: Deadline(milliseconds: 1000)) }
        let authenticated: Void? = run(.authentication, slot: label) { () throws(Failure) in
            try Self.authenticate(slot, backend)
        }
        guard authenticated != nil else { return skipToken([.list, .signature], label) }
        let keys = run(.list, slot: label) { () throws(Failure) in try Self.list(slot, backend) }
        guard let keys else { return skipToken([.signature], label) }
        sign(keys, names, slot, backend)
    }

    mutating func skipToken(_ steps: [Step.Name], _ label: String) {
        for step in steps { skip(step, slot: label, "not tried") }
    }

    private static func authenticate(
        _ slot: Configuration.Slot, _ backend: any Backend
    ) throws(Failure) -> (Void, String) {
        guard let credential = slot.credential else {
            throw Failure(
                code: .unauthenticated, detail: "no API key is configured",
                remedy: "Give the file that the PIN names, as in: kmsctl doctor --api-key-file /etc/kms-pkcs11/api-key"
                    + " (for the PIN file:/etc/kms-pkcs11/api-key); or set api_key or FORTANIX_API_KEY, or app_id.")
        }
        do {
            try backend.authenticate(credential, deadline: Deadline(milliseconds: slot.deadlineMilliseconds))
            return ((), "the KMS accepts the \(credential.isEmpty ? "app's certificate" : "API key")")
        } catch {
            if error.kind == .notFound || error.kind == .protocolViolation,
                let url = slot.endpoints.first.flatMap({ try? EndpointURL($0) })
            {
                throw Failure(code: .unreachable, detail: error.message, remedy: Remedy.notAnAPI(url))
            }
            throw Failure(
                error, remedy: "Check the API key (kmsctl app show-key NAME), and that the app is enabled.")
        }
    }

    private static func list(
        _ slot: Configuration.Slot, _ backend: any Backend
    ) throws(Failure) -> ([KeyDescription], String) {
        var keys: [KeyDescription] = []
        var page: PageToken?
        do {
            repeat {
                let answer = try backend.listKeys(
                    matching: KeyQuery(), page: page, deadline: Deadline(milliseconds: slot.deadlineMilliseconds))
                keys += answer.keys
                page = answer.next
            } while page != nil
        } catch {
            throw Failure(error, remedy: "Check the app's groups and permissions.")
        }
        let signing = keys.filter(\.signs).count
        let certificates = keys.filter { $0.type == .certificate }.count
        return (keys, "\(keys.count) objects: \(signing) keys that sign, \(certificates) certificates")
    }

    // MARK: - Signatures

    private mutating func sign(
        _ keys: [KeyDescription], _ names: [String], _ slot: Configuration.Slot, _ backend: any Backend
    ) {
        let wanted = names.isEmpty ? keys.filter(\.signs) : keys.filter { names.contains($0.name) && !$0.isCertificate }
        for name in names where !wanted.contains(where: { $0.name == name }) {
            let _: Void? = run(.signature, slot: slot.label, subject: name) { () throws(Failure) in
                guard !keys.contains(where: { $0.name == name }) else {
                    throw Failure(
                        code: .refused, detail: "\"\(name)\" is a certificate, not a key",
                        remedy: "Name its private key; kmsctl key list shows the types.")
                }
                throw Failure(
                    code: .notFound, detail: "the app sees no key \"\(name)\"",
                    remedy: "Check the name (kmsctl key list), and that key and app share a group.")
            }
        }
        if names.isEmpty, wanted.isEmpty {
            let _: Void? = run(.signature, slot: slot.label) { () throws(Failure) in
                throw Failure(
                    code: .notFound, detail: "the app sees no key that signs",
                    remedy: "Make or import one into a group of the app: kmsctl key generate, kmsctl key import.")
            }
        }
        for key in wanted {
            let _: Void? = run(.signature, slot: slot.label, subject: key.name) { () throws(Failure) in
                try Self.sign(key, slot, backend)
            }
        }
    }

    private static func sign(
        _ key: KeyDescription, _ slot: Configuration.Slot, _ backend: any Backend
    ) throws(Failure) -> (Void, String) {
        guard key.isUsable else {
            throw Failure(
                code: .refused, detail: "\(key.name) is disabled, or not in its active state", remedy: "Enable it.")
        }
        guard !key.algorithms.isEmpty, !key.isPublicOnly, key.operations.contains(.sign) else {
            throw Failure(
                code: .refused, detail: "\(key.name) is not a private key that may sign",
                remedy: "Its operations must have SIGN, and its type be RSA or EC.")
        }
        var schemes: [String] = []
        for (scheme, algorithm) in key.algorithms {
            do {
                try signAndVerify(key, algorithm, slot, backend)
                schemes.append(scheme)
            } catch let error as BackendError {
                throw Failure(
                    error, prefix: "\(key.name), \(scheme)",
                    remedy: "Check the key's operations and policy, and the app's permissions in its group.")
            } catch {
                throw Failure(
                    code: .refused, detail: "\(key.name), \(scheme): \(error)",
                    remedy: "Signature and public key of the KMS do not fit together; look at the key there.")
            }
        }
        return ((), "\(key.name): \(schemes.joined(separator: " and ")), verified with its public key")
    }

    private static func signAndVerify(
        _ key: KeyDescription, _ algorithm: SigningAlgorithm, _ slot: Configuration.Slot, _ backend: any Backend
    ) throws {
        let context = try LibraryContext()
        let input = try Random.bytes(algorithm.hash?.length ?? 32, in: context)
        let signature = try backend.sign(
            input, with: algorithm, key: key.id,
            deadline: Deadline(milliseconds: slot.deadlineMilliseconds))
        guard let der = key.publicKey else { throw CryptoError("the KMS does not tell the public key") }
        let publicKey = try PublicKey(subjectPublicKeyInfo: der, in: context)
        guard try publicKey.verify(input, signature: signature, algorithm: algorithm) else {
            throw CryptoError("the signature does not verify with the public key")
        }
    }
}

extension KeyDescription {
    fileprivate var isCertificate: Bool { type == .certificate }

    fileprivate var signs: Bool { !isPublicOnly && isUsable && operations.contains(.sign) && !algorithms.isEmpty }

    /// What TLS asks of such a key.
    fileprivate var algorithms: [(String, SigningAlgorithm)] {
        switch type {
        case .rsa: [("RSA PKCS#1 v1.5", .rsaPKCS1(.sha256)), ("RSA-PSS", .rsaPSS(.sha256, mgf: .sha256))]
        case .ec:
            switch curve?.family {
            case .weierstrass?: [("ECDSA", .ecdsa(.sha256))]
            case .edwards?: [("EdDSA", .eddsa)]
            case .montgomery?, nil: []
            }
        default: []
        }
    }
}

extension Diagnosis.Failure {
    fileprivate init(_ error: BackendError, prefix: String? = nil, remedy: String) {
        let detail = (prefix.map { $0 + ": " } ?? "") + error.message
        switch error.kind {
        case .unauthenticated: self.init(code: .unauthenticated, detail: detail, remedy: remedy)
        case .notFound: self.init(code: .notFound, detail: detail, remedy: remedy)
        case .unavailable, .timedOut, .throttled:
            self.init(code: .unreachable, detail: detail, remedy: "Check network and load of the KMS.")
        case .protocolViolation:
            self.init(
                code: .refused, detail: detail, remedy: "Check that the endpoint is a KMS of this backend's kind.")
        case .forbidden, .conflict, .invalid, .tooLong, .unsupported:
            self.init(code: .refused, detail: detail, remedy: remedy)
        }
    }
}

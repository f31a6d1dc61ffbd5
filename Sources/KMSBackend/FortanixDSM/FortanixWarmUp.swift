internal import KMSModel
internal import KMSSupport
internal import KMSTransport

extension FortanixDSM {
    /// Writes and reads every JSON type of the API once.
    ///
    /// Swift builds the metadata of generic types when they are first used, under a lock of the runtime that can hang in
    /// a forked child with threads. Done here, before the host forks, the child finds everything built.
    static func warmUp() {
        do throws(BackendError) {
            try rehearse()
            let refusal = Array(#"{"message":"none"}"#.utf8)
            throw BackendError(
                HTTPResponse(status: 403, contentType: "application/json", body: refusal), doing: "warm-up",
                hiding: [Secret("Basic none")], secrets: [Secret("another")])
        } catch {
            // The refusal is the last thing that is rehearsed.
            _ = error.description
        }
    }

    /// Every request of the backend, with a KMS that says yes to all.
    package static func rehearse() throws(BackendError) {
        let deadline = Deadline(milliseconds: 60_000)
        let backend = FortanixDSM(transport: RehearsalTransport())
        try backend.authenticate(Secret(RehearsalTransport.apiKey), deadline: deadline)
        try backend.health(deadline: deadline)
        try backend.rehearseKeys(deadline)
        try backend.rehearseOperations(deadline)
        try backend.rehearseKeysByKeys(deadline)
        backend.signOut(deadline: deadline)
    }

    private static var key: KeyID { KeyID(RehearsalTransport.kid) }
    private static var transient: KeyID { KeyID("AAAA", .transient) }

    private static func specification(isTransient: Bool) -> KeySpecification {
        var result = KeySpecification(
            name: isTransient ? nil : "a", type: .rsa, operations: [.sign], isTransient: isTransient)
        result.bits = 2_048
        result.publicExponent = 65_537
        result.attributes = ["id": [1], "label": Array("ä".utf8)]
        return result
    }

    private func rehearseKeys(_ deadline: Deadline) throws(BackendError) {
        let key = FortanixDSM.key
        let stored = FortanixDSM.specification(isTransient: false)
        _ = try listKeys(matching: KeyQuery(), page: nil, deadline: deadline)
        _ = try listKeys(matching: KeyQuery(), page: PageToken(""), deadline: deadline)
        _ = try listKeys(matching: KeyQuery(label: "a b"), page: nil, deadline: deadline)
        _ = try describe(key, deadline: deadline)
        _ = try generate(FortanixDSM.specification(isTransient: true), deadline: deadline)
        var onCurve = stored
        onCurve.curve = .nistP256
        _ = try importKey(onCurve, value: Secret("none"), deadline: deadline)
        var changes = KeyChanges()
        changes.name = "b"
        changes.attributes = stored.attributes
        _ = try update(key, changes, deadline: deadline)
        _ = try copy(key, as: stored, deadline: deadline)
        // Stores it and changes its operations.
        _ = try copy(FortanixDSM.transient, as: stored, deadline: deadline)
        _ = try export(key, deadline: deadline)
        try delete(key, deadline: deadline)
        try deletePrivateHalf(key, deadline: deadline)
    }

    private func rehearseOperations(_ deadline: Deadline) throws(BackendError) {
        let key = FortanixDSM.key
        let block = [UInt8](repeating: 0, count: 16)
        let algorithms: [SigningAlgorithm] = [
            .rsaPKCS1(.sha256), .rsaPSS(.sha256, mgf: .sha256), .ecdsa(.sha256), .eddsa,
        ]
        for algorithm in algorithms {
            let digest = [UInt8](repeating: 0, count: algorithm.hash?.length ?? 0)
            _ = try sign(digest, with: algorithm, key: key, deadline: deadline)
        }
        let code = try mac([1], with: .hmac(.sha256), key: key, deadline: deadline)
        _ = try verifyMAC(code, of: [1], with: .hmac(.sha256), key: key, deadline: deadline)

        let gcm = FortanixDSM.gcm
        let ciphertext = try encrypt(Secret(block), with: gcm, key: key, deadline: deadline)
        _ = try decrypt(ciphertext, with: gcm, key: key, deadline: deadline)
        for padding in [RSAPadding.pkcs1V15, .oaep(hash: .sha256, mgf: .sha256)] {
            _ = try decrypt(
                Ciphertext(block + block), with: .rsa(padding, label: []), key: key, deadline: deadline)
        }
        _ = try decrypt(Ciphertext(block), with: .rsa(.raw, label: []), key: key, deadline: deadline)
        let encryption = try stream(.encrypt, with: gcm, key: key, deadline: deadline)
        _ = try encryption.update(block, deadline: deadline)
        _ = try encryption.finish(tag: [], deadline: deadline)
        let decryption = try stream(.decrypt, with: gcm, key: key, deadline: deadline)
        _ = try decryption.update(block, deadline: deadline)
        _ = try decryption.finish(tag: block, deadline: deadline)
    }

    private func rehearseKeysByKeys(_ deadline: Deadline) throws(BackendError) {
        let key = FortanixDSM.key
        let gcm = FortanixDSM.gcm
        let specification = FortanixDSM.specification(isTransient: true)
        let wrapped = try wrap(key, with: gcm, key: key, deadline: deadline)
        _ = try unwrap(wrapped, with: gcm, key: key, as: specification, deadline: deadline)
        _ = try agree(key, with: FortanixDSM.transient, as: specification, deadline: deadline)
        _ = try derive(key, by: .hkdf(.sha256, salt: [1], info: [1]), as: specification, deadline: deadline)
        let ecb = Cipher.symmetric(.aes, .ecb, iv: [], associatedData: [], tagLength: 0)
        _ = try derive(key, by: .encrypt(ecb, data: [1]), as: specification, deadline: deadline)
    }

    private static var gcm: Cipher {
        .symmetric(.aes, .gcm, iv: [UInt8](repeating: 0, count: 12), associatedData: [1], tagLength: 16)
    }
}

package import FoundationEssentials
package import KMSModel
package import KMSSupport
package import OpenSSLCrypto

/// Keys that are not stored: the client carries them, sealed, and shows them with every request (`transient_key`).
///
/// A blob holds the object's attributes and its key material, under a key of the vault and bound to the app or user that
/// made it. There is nothing to keep and nothing to clean up, a restart or a new session ends no key, and the blob of
/// an app that was deleted opens for nobody.
package final class TransientKeys: Sendable {
    /// Of the blob, in bytes.
    package static var longest: Int { 16_384 }

    private static var format: UInt8 { 1 }

    private let seal: Seal
    private let context: LibraryContext
    private let opened = RecordCache<LoadedKey>(limit: 1_000)

    package init(key: Secret, in context: LibraryContext) throws(CryptoError) {
        self.context = context
        seal = try Seal(key: key, in: context)
    }

    /// - Parameter owner: id of the app or user.
    /// - Throws: `KMSError` 400 for an object that is too large to be carried around.
    package func blob(of object: Sobject, _ material: Secret?, owner: String) throws -> Data {
        let attributes = try JSONEncoder().encode(object)
        var payload = [TransientKeys.format]
        withUnsafeBytes(of: UInt32(clamping: attributes.count).bigEndian) { payload += $0 }
        payload += attributes
        material?.withBytes { payload += $0 }
        let box = try seal.seal(Secret(copying: &payload), for: TransientKeys.name(owner))
        guard box.count <= TransientKeys.longest else {
            throw KMSError.badRequest(
                "The object is too large for a transient key: \(box.count) bytes with its attributes, and "
                    + "\(TransientKeys.longest) are possible; make a stored one")
        }
        return Data(box)
    }

    /// The object of a blob and its key material.
    ///
    /// - Throws: `KMSError` 400 for a blob that cannot be one, 404 for one that is damaged or somebody else's.
    package func open(_ blob: Data, owner: String) throws -> StoredValue {
        guard blob.count <= TransientKeys.longest else {
            throw KMSError.badRequest("Field \"transient_key\" is longer than \(TransientKeys.longest) bytes")
        }
        guard let payload = try? seal.open(Array(blob), for: TransientKeys.name(owner)) else {
            throw KMSError.noSuchObject
        }
        return try payload.withBytes { bytes in
            guard bytes.count >= 5, bytes.first == TransientKeys.format else { throw KMSError.noSuchObject }
            let length = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
            guard length <= bytes.count - 5 else { throw KMSError.noSuchObject }
            let object = try JSONDecoder().decode(Sobject.self, from: Data(bytes[5..<(5 + length)]))
            let material = UnsafeRawBufferPointer(rebasing: bytes[(5 + length)...])
            return StoredValue(object: object, secret: material.isEmpty ? nil : Secret(material))
        }
    }

    /// The same, ready for use. A client uses a key more than once, so parsed ones are kept for a while.
    package func key(_ blob: Data, owner: String, engine: CryptoEngine) async throws -> LoadedKey {
        // A key in the cache is as good as an opened blob, so its name covers both the blob and its owner.
        let name = Data(owner.utf8) + [0] + blob.prefix(TransientKeys.longest + 1)
        let id = Hex.encode(try Digest.hash(name, .sha256, in: context))
        let key = try await opened.value(String(decoding: id, as: UTF8.self)) {
            let value = try open(blob, owner: owner)
            return try engine.load(value.object, value.secret)
        }
        guard let key else { throw KMSError.noSuchObject }
        return key
    }

    private static func name(_ owner: String) -> String { "transient/\(owner)" }
}

/// A security object with its value, opened, for the requests that take or copy the value.
package struct StoredValue: Sendable {
    package var object: Sobject
    /// nil for public keys and certificates.
    package var secret: Secret?

    /// As an import would bring it: the private key, certificate, public key or bytes.
    package var material: Secret? { secret ?? (object.value ?? object.pubKey).map { Secret($0) } }
}

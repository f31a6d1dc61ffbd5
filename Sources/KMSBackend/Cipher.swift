package import KMSModel
package import KMSSupport

/// How to encrypt or decrypt. Everything in it has been checked: the lengths are those that mode and key demand.
package enum Cipher: Sendable, Equatable {
    /// `type` is the key's: AES or DES3. `tagLength` in bytes, 0 for every mode but GCM.
    case symmetric(ObjectType, CipherMode, iv: [UInt8], associatedData: [UInt8], tagLength: Int)
    /// `label` is OAEP's.
    case rsa(RSAPadding, label: [UInt8])
}

package enum CipherDirection: Sendable { case encrypt, decrypt }

/// `tag` is empty for every mode but GCM.
package struct Ciphertext: Sendable, Equatable {
    package var bytes: [UInt8]
    package var tag: [UInt8]

    package init(_ bytes: [UInt8], tag: [UInt8] = []) {
        self.bytes = bytes
        self.tag = tag
    }
}

/// An encryption or decryption under way. One thread at a time.
package protocol CipherStream: AnyObject, Sendable {
    /// - Returns: as much of the result as there is by now.
    func update(_ bytes: [UInt8], deadline: Deadline) throws(BackendError) -> [UInt8]

    /// - Parameter tag: decryption with GCM: what the tag must be. Without the right one everything that `update` gave
    ///   is worthless and must not be used.
    /// - Returns: the rest; the tag of an encryption with GCM.
    /// - Throws: `invalid` for a ciphertext that does not decrypt.
    func finish(tag: [UInt8], deadline: Deadline) throws(BackendError) -> Ciphertext
}

/// How a key is made from another.
package enum Derivation: Sendable {
    /// RFC 5869, extract and expand.
    case hkdf(HashAlgorithm, salt: [UInt8], info: [UInt8])
    /// The ciphertext of `data` is the key.
    case encrypt(Cipher, data: [UInt8])
}

package import FoundationEssentials
package import KMSModel

/// Turns what a request says of a signature into an algorithm and its input, or into a sentence why not.
package struct SignatureRules {
    package var algorithm: SigningAlgorithm
    /// The digest; for EdDSA the message itself.
    package var input: [UInt8]

    /// - Parameters:
    ///   - hash: digest made by the client; exactly one of `hash` and `data` is given.
    package init(
        key: LoadedKey, hashAlg: HashAlgorithm, hash: Data?, data: Data?, mode: SignatureMode?, engine: CryptoEngine
    ) throws {
        algorithm = try SignatureRules.algorithm(key, hashAlg, mode)
        input =
            if let algorithm = algorithm.hash {
                try SignatureRules.digest(algorithm, hash, data, engine)
            } else {
                try SignatureRules.message(hash, data)
            }
    }

    private static func algorithm(
        _ key: LoadedKey, _ hash: HashAlgorithm, _ mode: SignatureMode?
    ) throws -> SigningAlgorithm {
        switch key.kind {
        case .ec(let curve)?:
            guard mode == nil else { throw KMSError.badRequest("Field \"mode\" is for RSA keys only") }
            switch curve.family {
            case .weierstrass:
                guard hash != .ssl3 else { throw KMSError.badRequest("hash_alg SSL3 is for RSA keys only") }
                return .ecdsa(hash)
            case .edwards:
                // The request must have a hash_alg, which means nothing here.
                return .eddsa
            case .montgomery:
                throw KMSError.badRequest("A key on \(curve.rawValue) agrees on keys; it cannot sign or verify")
            }
        case .rsa?:
            switch try PaddingPolicy(key.object.rsa?.signaturePolicy, of: .signature).mode(mode) {
            case .pkcs1V15:
                return .rsaPKCS1(hash)
            case .pss(let mgf):
                guard hash != .ssl3 else { throw KMSError.badRequest("hash_alg SSL3 is not possible with mode PSS") }
                guard mgf != .ssl3 else { throw KMSError.badRequest("MGF1 cannot use SSL3") }
                return .rsaPSS(hash, mgf: mgf ?? .sha256)
            }
        case nil:
            throw KMSError.badRequest("An object of type \(key.object.objType.rawValue) cannot sign or verify")
        }
    }

    /// The key's signature policy: the first entry that fits decides; without a mode the first entry chooses.
    private static func digest(
        _ algorithm: HashAlgorithm, _ hash: Data?, _ data: Data?, _ engine: CryptoEngine
    ) throws -> [UInt8] {
        switch (hash, data) {
        case (let hash?, nil):
            guard hash.count == algorithm.length else {
                throw KMSError.badRequest(
                    "Field \"hash\" has \(hash.count) bytes; \(algorithm.rawValue) makes \(algorithm.length)")
            }
            return Array(hash)
        case (nil, let data?):
            guard algorithm != .ssl3 else { throw KMSError.badRequest("hash_alg SSL3 needs \"hash\", not \"data\"") }
            return try engine.digest(data, algorithm)
        default:
            throw KMSError.badRequest("Exactly one of the fields \"hash\" and \"data\" is needed")
        }
    }

    private static func message(_ hash: Data?, _ data: Data?) throws(KMSError) -> [UInt8] {
        guard hash == nil else {
            throw .badRequest(
                "Field \"hash\" is not possible with Ed25519 and Ed448, which sign messages; send \"data\" instead")
        }
        guard let data else { throw .badRequest("Field \"data\" is missing: Ed25519 and Ed448 sign messages") }
        return Array(data)
    }
}

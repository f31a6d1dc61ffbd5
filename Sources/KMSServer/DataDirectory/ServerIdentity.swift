package import Crypto
internal import FoundationEssentials
internal import KMSSupport
internal import NIOSSL
internal import SwiftASN1
package import X509

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// A certificate with its private key: the CA's or the server's.
package struct ServerIdentity: Sendable {
    package let certificate: Certificate
    package let key: P256.Signing.PrivateKey

    package init(certificate: Certificate, key: P256.Signing.PrivateKey) {
        self.certificate = certificate
        self.key = key
    }

    package init(opening row: TLSIdentityStore.Row, _ name: TLSIdentityStore.Name, by engine: CryptoEngine) throws {
        certificate = try Certificate(derEncoded: row.certificate)
        let der = try engine.open(row.sealedKey, as: .tlsKey(name: name.rawValue))
        key = try der.withBytes { try P256.Signing.PrivateKey(derRepresentation: Data($0)) }
    }

    package func sealed(_ name: TLSIdentityStore.Name, by engine: CryptoEngine) throws -> TLSIdentityStore.Row {
        .init(
            certificate: try der(),
            sealedKey: try engine.seal(Secret(key.derRepresentation), as: .tlsKey(name: name.rawValue)))
    }

    /// The certificate.
    package func der() throws -> [UInt8] {
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return serializer.serializedBytes
    }

    /// The certificate.
    package func pem() throws -> String { try certificate.serializeAsPEM().pemString + "\n" }

    /// Names and addresses under which this machine's kmsd is usually called.
    package static var defaultHosts: [String] {
        var name = [CChar](repeating: 0, count: 256)
        var hosts = ["localhost", "127.0.0.1", "::1"]
        if gethostname(&name, name.count - 1) == 0 {
            let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if !host.isEmpty, !hosts.contains(host) { hosts.append(host) }
        }
        return hosts
    }

    /// Bytes of an IPv4 or IPv6 address; nil for a name.
    package static func address(_ host: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, host, &four) == 1 { return withUnsafeBytes(of: &four) { Array($0) } }
        var six = in6_addr()
        if inet_pton(AF_INET6, host, &six) == 1 { return withUnsafeBytes(of: &six) { Array($0) } }
        return nil
    }
}

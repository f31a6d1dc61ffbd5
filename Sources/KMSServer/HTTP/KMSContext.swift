package import Hummingbird
internal import NIOCore
internal import NIOSSL

/// One request's surroundings.
package struct KMSContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    package let origin: RequestOrigin
    /// With which this very request is made.
    var approval: ApprovalRecord?
    private let channel: any Channel

    package init(source: Source) {
        coreContext = .init(source: source)
        origin = RequestOrigin(clientAddress: source.channel.remoteAddress?.ipAddress, started: .now)
        channel = source.channel
    }

    package var clientAddress: String? { origin.clientAddress }
    package var started: ContinuousClock.Instant { origin.started }

    /// The certificate that the client has shown in the TLS handshake, DER. That it has the private key is proven, and
    /// nothing else.
    package func clientCertificate() async -> [UInt8]? {
        guard let certificate = try? await channel.nioSSL_peerCertificate().get() else { return nil }
        return try? certificate.toDERBytes()
    }
}

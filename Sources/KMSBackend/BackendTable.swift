package import KMSTransport

/// The backends. A new one is a folder and a line here.
package enum BackendTable {
    /// Names that `backend = "…"` of a slot may have.
    package static var names: [String] { ["fortanix"] }

    /// - Parameter appID: who logs in with an empty credential, by the certificate that the transport shows.
    /// - Returns: nil when there is no backend of that name.
    package static func make(
        _ name: String, transport: any HTTPTransport, appID: String? = nil
    ) -> (any Backend)? {
        switch name {
        case "fortanix": FortanixDSM(transport: transport, appID: appID)
        default: nil
        }
    }

    /// Uses every backend once without a network, so that nothing of Swift's runtime is left to be set up in a forked
    /// child. C_Initialize calls it.
    package static func warmUp() { FortanixDSM.warmUp() }
}

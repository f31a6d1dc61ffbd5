package import KMSTransport

/// The backends. A new one is a folder and a line here.
package enum BackendTable {
    /// Names that `backend = "…"` of a slot may have.
    package static var names: [String] { ["fortanix"] }

    /// - Returns: nil when there is no backend of that name.
    package static func make(_ name: String, transport: any HTTPTransport) -> (any Backend)? {
        switch name {
        case "fortanix": FortanixDSM(transport: transport)
        default: nil
        }
    }
}

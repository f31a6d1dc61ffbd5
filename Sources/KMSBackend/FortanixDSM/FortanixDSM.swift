package import KMSModel
package import KMSSupport
package import KMSTransport

/// Fortanix DSM's REST API.
package final class FortanixDSM: Backend {
    private let transport: any HTTPTransport

    package init(transport: any HTTPTransport) { self.transport = transport }

    package var capabilities: Capabilities { [.signRSAPKCS1, .signRSAPSS, .signECDSA, .signTLS1] }

    package func authenticate(_ credential: Secret, deadline: Deadline) throws(BackendError) {
        throw BackendError(.unsupported, "")
    }

    package func listKeys(
        matching query: KeyQuery, page: PageToken?, deadline: Deadline
    ) throws(BackendError) -> KeyPage { throw BackendError(.unsupported, "") }
}

package import KMSSupport
package import KMSTransport

/// Fortanix DSM's REST API, with an app's API key as credential.
package final class FortanixDSM: Backend {
    let session: FortanixSession

    /// Of the app that logs in with a client certificate.
    private let appID: String?

    package init(transport: any HTTPTransport, appID: String? = nil) {
        session = FortanixSession(transport: transport)
        self.appID = appID
    }

    package var capabilities: Capabilities {
        [
            .signRSAPKCS1, .signRSAPSS, .signECDSA, .signTLS1, .signEdDSA, .hmac, .cmac,
            .decryptRSAPKCS1, .decryptRSAOAEP, .decryptRSARaw,
            .aesECB, .aesCBC, .aesCTR, .aesGCM, .aesKeyWrap, .des3,
            .generateRSA, .generateEC, .generateEdwards, .generateMontgomery, .generateAES, .generateDES3,
            .generateSecret, .importKeys, .transientKeys,
            .wrap, .agreeEC, .agreeMontgomery, .deriveHKDF, .deriveByEncryption,
        ]
    }

    /// The UUID of the app that the session belongs to, after a successful `authenticate`.
    package var entityID: String? { session.entityID }

    package func authenticate(_ credential: Secret, deadline: Deadline) throws(BackendError) {
        if credential.isEmpty, let appID {
            return try session.authenticate(FortanixCredential(appID: appID), deadline: deadline)
        }
        try session.authenticate(try FortanixCredential(credential), deadline: deadline)
    }

    package func signOut(deadline: Deadline) { session.signOut(deadline: deadline) }

    package func health(deadline: Deadline) throws(BackendError) {
        var request = HTTPRequest(.get, "/sys/v1/health")
        request.expectsJSON = false
        let response = try session.send(request, deadline: deadline)
        guard response.isSuccess else { throw BackendError(response, doing: "health check") }
    }
}

import KMSBackend
import KMSModel
import KMSSupport

/// A KMS in memory that counts what it is asked and fails when told to.
final class FakeBackend: Backend {
    struct State {
        var authentications = 0
        var listings = 0
        var namesListed: [String] = []
        var signatures: [(digest: [UInt8], algorithm: SigningAlgorithm)] = []
        var signOuts = 0
        var acceptedCredential = "right"
        var failure: BackendError?
        /// The session is over and the kept credential is no longer good.
        var isExpired = false
        var keys: [KeyDescription] = []
        var signature: [UInt8] = []
        var pageSize = 1_000
    }

    let state = Locked(State())

    var capabilities: Capabilities { [.signRSAPKCS1, .signRSAPSS, .signECDSA] }

    func authenticate(_ credential: Secret, deadline: Deadline) throws(BackendError) {
        try state.withLock { state throws(BackendError) in
            state.authentications += 1
            if let failure = state.failure { throw failure }
            guard credential.text == state.acceptedCredential else {
                throw BackendError(.unauthenticated, "wrong credential")
            }
            state.isExpired = false
        }
    }

    func signOut(deadline: Deadline) { state.withLock { $0.signOuts += 1 } }

    func listKeys(
        matching query: KeyQuery, page: PageToken?, deadline: Deadline
    ) throws(BackendError) -> KeyPage {
        try state.withLock { state throws(BackendError) in
            state.listings += 1
            if let name = query.name { state.namesListed.append(name) }
            if let failure = state.failure { throw failure }
            if state.isExpired { throw BackendError(.unauthenticated, "session over") }
            let matching = state.keys.filter { query.name == nil || $0.name == query.name }
            let start = page.flatMap { Int($0.text) } ?? 0
            let keys = Array(matching.dropFirst(start).prefix(state.pageSize))
            let next = start + keys.count
            return KeyPage(keys: keys, next: next < matching.count ? PageToken(String(next)) : nil)
        }
    }

    func sign(
        digest: [UInt8], with algorithm: SigningAlgorithm, key: KeyID, deadline: Deadline
    ) throws(BackendError) -> [UInt8] {
        try state.withLock { state throws(BackendError) in
            state.signatures.append((digest, algorithm))
            if let failure = state.failure { throw failure }
            return state.signature
        }
    }
}

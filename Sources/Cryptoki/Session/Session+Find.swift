package import CPKCS11
internal import KMSSupport

// C_FindObjectsInit, C_FindObjects, C_FindObjectsFinal (section 5.7.7 to 5.7.9).
extension Session {
    package func findInit(_ template: Template) throws(CKError) {
        try state.withLock { state throws(CKError) in
            guard state.find == nil else { throw CKError(CKR_OPERATION_ACTIVE) }
            state.find = .pending(template)
        }
    }

    /// The first call decides what is found; the KMS is asked here and not in C_FindObjectsInit.
    package func find(atMost limit: Int) throws(CKError) -> [CK_OBJECT_HANDLE] {
        let pending = try state.withLock { state throws(CKError) -> Template? in
            switch state.find {
            case nil: throw CKError(CKR_OPERATION_NOT_INITIALIZED)
            case .running: throw CKError(CKR_OPERATION_ACTIVE)
            case .results: return nil
            case .pending(let template):
                state.find = .running
                return template
            }
        }
        if let pending {
            do throws(CKError) {
                let found = try token.find(pending)
                state.withLock { if case .running = $0.find { $0.find = .results(found[...]) } }
            } catch {
                state.withLock { if case .running = $0.find { $0.find = .pending(pending) } }
                throw error
            }
        }
        return state.withLock { state in
            guard case .results(let rest) = state.find else { return [] }
            state.find = .results(rest.dropFirst(limit))
            return Array(rest.prefix(limit))
        }
    }

    package func findFinal() throws(CKError) {
        try state.withLock { state throws(CKError) in
            guard state.find != nil else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
            state.find = nil
        }
    }
}

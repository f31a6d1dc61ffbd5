package import CPKCS11
internal import KMSSupport

// C_FindObjectsInit, C_FindObjects, C_FindObjectsFinal (section 5.7.7 to 5.7.9).
extension Session {
    package func findInit(_ template: Template) throws(CKError) {
        try search.withLock { state throws(CKError) in
            guard state == nil else { throw CKError(CKR_OPERATION_ACTIVE) }
            state = .pending(template)
        }
    }

    /// The first call decides what is found; the KMS is asked here and not in C_FindObjectsInit.
    package func find(atMost limit: Int) throws(CKError) -> [CK_OBJECT_HANDLE] {
        let pending = try search.withLock { state throws(CKError) -> Template? in
            switch state {
            case nil: throw CKError(CKR_OPERATION_NOT_INITIALIZED)
            case .running: throw CKError(CKR_OPERATION_ACTIVE)
            case .results: return nil
            case .pending(let template):
                state = .running
                return template
            }
        }
        if let pending {
            do throws(CKError) {
                let found = try token.find(pending)
                search.withLock { if case .running = $0 { $0 = .results(found[...]) } }
            } catch {
                search.withLock { if case .running = $0 { $0 = .pending(pending) } }
                throw error
            }
        }
        return search.withLock { state in
            guard case .results(let rest) = state else { return [] }
            state = .results(rest.dropFirst(limit))
            return Array(rest.prefix(limit))
        }
    }

    package func findFinal() throws(CKError) {
        try search.withLock { state throws(CKError) in
            guard state != nil else { throw CKError(CKR_OPERATION_NOT_INITIALIZED) }
            state = nil
        }
    }
}

internal import CPKCS11
internal import KMSBackend
internal import KMSSupport

/// The objects of a token's sessions: they end with their session, private ones with the login.
final class SessionObjects: Sendable {
    private let objects = Locked<[CK_OBJECT_HANDLE: Object]>([:])

    func object(_ handle: CK_OBJECT_HANDLE) -> Object? { objects.withLock { $0[handle] } }

    func matching(_ template: Template) -> [Object] {
        objects.withLock { $0.values.filter(template.matches) }.sorted { $0.handle < $1.handle }
    }

    func insert(_ object: Object) { objects.withLock { $0[object.handle] = object } }

    /// Removes those that `isDoomed` says.
    ///
    /// - Returns: keys that no object is left of.
    func remove(where isDoomed: (Object) -> Bool) -> [KeyID] {
        objects.withLock { objects in
            let doomed = objects.values.filter(isDoomed)
            for object in doomed { objects[object.handle] = nil }
            let alive = Set(objects.values.map(\.keyID))
            return Set(doomed.map(\.keyID)).filter { !alive.contains($0) }
        }
    }
}

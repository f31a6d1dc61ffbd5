package import Hummingbird
internal import Synchronization

/// One limit for the process: bodies are read in many places, and none of them should need to know the settings.
private let limit = Atomic(Limits().bodyBytes)

extension Request {
    /// Longest body accepted, in bytes.
    package static var bodyLimit: Int { limit.load(ordering: .relaxed) }

    package static func limitBodies(to bytes: Int) { limit.store(bytes, ordering: .relaxed) }
}

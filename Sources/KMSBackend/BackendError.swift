/// Why a KMS did not do what it was asked. `message` is the KMS's or the transport's own sentence, for the log.
package struct BackendError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable {
        /// No credential, a wrong one, or a session that could not be renewed.
        case unauthenticated
        /// The credential may not do this.
        case forbidden
        case notFound
        case conflict
        /// The KMS refuses the request's content.
        case invalid
        /// More data than the KMS takes in one request.
        case tooLong
        case throttled
        /// No connection, or the KMS says that it cannot serve.
        case unavailable
        case timedOut
        /// An answer that makes no sense: not JSON, fields missing, wrong lengths.
        case protocolViolation
        /// This KMS cannot do it.
        case unsupported
    }

    package var kind: Kind
    package var message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }
}

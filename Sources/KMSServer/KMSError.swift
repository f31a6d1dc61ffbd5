package import HTTPTypes
package import Hummingbird
package import KMSModel

/// What the KMS answers when it does not do what was asked: a status and one plain-text sentence, as Fortanix does.
package struct KMSError: Error, Sendable, Equatable {
    package var status: HTTPResponse.Status
    package var message: String
    /// Seconds after which to try again; 429 and 503 say 1 unless more is known.
    package var retryAfter: Int?
    /// What the refusal is about, for its audit record.
    package var subject: Subject?

    package struct Subject: Sendable, Equatable {
        package var id: String
        package var name: String
        package var groups: [String]
    }

    package init(_ status: HTTPResponse.Status, _ message: String) {
        self.status = status
        self.message = message
    }

    package func about(_ object: Sobject) -> KMSError {
        var error = self
        error.subject = object.kid.map {
            Subject(id: $0, name: object.name ?? $0, groups: object.groupID.map { [$0] } ?? [])
        }
        return error
    }

    package static func badRequest(_ message: String) -> KMSError { KMSError(.badRequest, message) }
    package static func forbidden(_ message: String) -> KMSError { KMSError(.forbidden, message) }
    package static func conflict(_ message: String) -> KMSError { KMSError(.conflict, message) }
    package static func notFound(_ message: String) -> KMSError { KMSError(.notFound, message) }
    package static func unauthenticated(_ message: String) -> KMSError { KMSError(.unauthorized, message) }

    // Sentences that clients of the real service compare with.
    package static var noSuchObject: KMSError { notFound("sobject does not exist") }
    package static var objectExists: KMSError { conflict("sobject already exists") }
    package static var noMaterial: KMSError {
        badRequest("The object has no key material: it was destroyed")
    }
    package static var operationNotAllowed: KMSError {
        forbidden("Requested operation is not allowed with this key")
    }
    package static var approvalRequired: KMSError { forbidden("This operation requires approval") }
    package static var noSession: KMSError { unauthenticated("Session does not exist") }
    package static var noAccountSelected: KMSError {
        unauthenticated("This operation requires an account to be selected")
    }

    package static var wrongCredential: KMSError {
        unauthenticated("Authentication failed: no such app or user, or wrong API key or password")
    }
    package static var noCredential: KMSError {
        unauthenticated("Authentication required: send an API key as Basic or a session token as Bearer")
    }
    package static var internalError: KMSError {
        KMSError(.internalServerError, "Internal error; the server's log says more")
    }
}

extension KMSError: HTTPResponseError {
    package func response(from request: Request, context: some RequestContext) throws -> Response {
        var headers: HTTPFields = [.contentType: "text/plain; charset=utf-8"]
        if status == .tooManyRequests || status == .serviceUnavailable { headers[.retryAfter] = "\(retryAfter ?? 1)" }
        if status == .unauthorized { headers[.wwwAuthenticate] = "Basic realm=\"kmsd\", Bearer" }
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: message)))
    }
}

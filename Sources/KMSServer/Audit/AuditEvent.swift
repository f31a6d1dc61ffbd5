package import KMSModel

/// Something that happened, as the code that did it tells it.
package struct AuditEvent: Sendable {
    package enum ActionType: String, Sendable {
        case administrative = "ADMINISTRATIVE"
        case authentication = "AUTH"
        case cryptoOperation = "CRYPTOOPERATION"
        case runPlugin = "RUNPLUGIN"
    }

    package enum Severity: String, Sendable {
        case info = "INFO"
        case warning = "WARNING"
        case error = "ERROR"
    }

    package enum Outcome: String, Sendable {
        case success, refusal
    }

    static var systemActor: String { "System" }

    package var actionType: ActionType
    package var actorType: String
    package var actorID: String?
    package var acctID: String?
    package var objectID: String?
    package var groupIDs: [String] = []
    package var message: String
    package var severity = Severity.info
    package var outcome = Outcome.success
    package var clientAddress: String?
    package var started: ContinuousClock.Instant?

    package init(_ actionType: ActionType, _ message: String, by principal: Principal, _ context: KMSContext) {
        self.init(actionType, message, by: principal, from: context.origin)
    }

    package init(
        _ actionType: ActionType, _ message: String, by principal: Principal, from origin: RequestOrigin? = nil
    ) {
        self.actionType = actionType
        self.message = message
        actorType = principal.actorType
        actorID = principal.id
        acctID = principal.acctID
        clientAddress = origin?.clientAddress
        started = origin?.started
    }

    /// What the operator of the machine did with a command.
    package init(system message: String) {
        actionType = .administrative
        self.message = message
        actorType = AuditEvent.systemActor
    }

    /// A login that failed: who it was is only claimed.
    ///
    /// - Parameter owner: the app or user of that name, in whose account it is seen; nil: there is none, and only the
    ///   operator of the machine sees it.
    init(failedLogin claim: LoginClaim, of owner: LoginClaim.Owner?, _ context: KMSContext) {
        actionType = .authentication
        message = "Login failed"
        actorType = claim.actorType
        actorID = owner?.id ?? claim.recordedID
        acctID = owner?.account
        severity = .warning
        outcome = .refusal
        clientAddress = context.clientAddress
        started = context.started
    }

    /// A request of a known caller that was refused.
    ///
    /// - Parameter route: method and path pattern.
    package init(refusal error: KMSError, of route: String, by principal: Principal, _ context: KMSContext) {
        let object = error.subject.map { " on \($0.name.quoted)" } ?? ""
        self.init(
            route.contains("/crypto/") ? .cryptoOperation : .administrative,
            "\(principal.name) was refused \(route)\(object): \(error.message)", by: principal, context)
        objectID = error.subject?.id ?? (context.parameters.get("kid") ?? context.parameters.get("id"))?.lowercased()
        groupIDs = error.subject?.groups ?? []
        severity = .warning
        outcome = .refusal
    }

    /// The event is about a security object.
    package consuming func about(_ object: Sobject) -> AuditEvent {
        objectID = object.kid
        groupIDs = object.groupID.map { [$0] } ?? []
        return self
    }

    /// The event is about something else with an id: a group, an app.
    package consuming func about(_ id: String, groups: [String] = []) -> AuditEvent {
        objectID = id
        groupIDs = groups
        return self
    }

    /// - Parameter time: RFC 3339.
    func record(at time: String) -> AuditRecord {
        var record = AuditRecord(
            actionType: actionType.rawValue, actorType: actorType, message: message, severity: severity.rawValue,
            time: time)
        record.outcome = outcome.rawValue
        record.actorID = actorID
        record.acctID = acctID
        record.objectID = objectID
        record.groupIDs = groupIDs
        record.clientIP = clientAddress
        if let started {
            let (seconds, attoseconds) = (ContinuousClock.now - started).components
            record.responseTime = .init(secs: Int(seconds), nanos: Int(attoseconds / 1_000_000_000))
        }
        return record
    }
}

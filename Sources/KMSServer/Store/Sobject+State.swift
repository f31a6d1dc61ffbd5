package import KMSModel

/// The states of an object that come with time. Nothing changes them when a date passes: the state is what the dates
/// say at the moment it is asked for.
extension Sobject {
    package var currentState: ObjectState {
        let state = state ?? .active
        switch state {
        case .active, .preActive:
            guard state == .preActive || deactivationDate != nil else { return state }
            return Sobject.state(state, activationDate, deactivationDate, at: .now)
        case .deactivated, .compromised, .destroyed, .deleted:
            return state
        }
    }

    private static func state(
        _ state: ObjectState, _ activation: Timestamp?, _ deactivation: Timestamp?, at now: Timestamp
    ) -> ObjectState {
        if let deactivation, deactivation <= now { return .deactivated }
        guard state == .preActive, let activation, activation <= now else { return state }
        return .active
    }

    /// With its state of now, to be shown or changed.
    package var settled: Sobject {
        var object = self
        object.state = state == nil ? nil : currentState
        return object
    }
}

/// `activation_date` and `deactivation_date` of a request, checked.
struct ObjectDates: Sendable {
    var activation: Timestamp?
    var deactivation: Timestamp?

    init(_ request: SobjectRequest) {
        activation = request.activationDate
        deactivation = request.deactivationDate
    }

    /// The dates of a new object.
    ///
    /// - Parameters:
    ///   - wanted: `state` of the request.
    ///   - parent: the object of which it is a copy, which must not outlive it nor come to life before.
    func apply(to object: inout Sobject, wanted: ObjectState?, parent: Sobject?) throws(KMSError) {
        let now = Timestamp.now
        object.activationDate = try within(activation, parent?.activationDate, "activation_date", isStart: true)
        object.deactivationDate = try within(
            deactivation, parent?.deactivationDate, "deactivation_date", isStart: false)
        if let start = object.activationDate, start > now {
            guard wanted != .active else {
                throw .badRequest("Field \"state\": an object with a later activation_date is PreActive until then")
            }
            object.state = .preActive
        }
        if object.state == .active, object.activationDate == nil { object.activationDate = now }
        try checkOrder(object, now)
    }

    /// Later changes. What has begun stays begun.
    func change(_ object: inout Sobject) throws(KMSError) {
        let now = Timestamp.now
        if let activation, activation != object.activationDate {
            guard object.currentState == .preActive else {
                throw .badRequest("Field \"activation_date\" can be changed only while the object is PreActive")
            }
            object.activationDate = activation
        }
        if let deactivation, deactivation != object.deactivationDate {
            guard [.active, .preActive].contains(object.currentState) else {
                throw .badRequest(
                    "Field \"deactivation_date\" cannot be changed any more: the object is \(object.currentState.rawValue)"
                )
            }
            object.deactivationDate = deactivation
            try checkOrder(object, now)
        }
    }

    private func within(
        _ wanted: Timestamp?, _ limit: Timestamp?, _ field: String, isStart: Bool
    ) throws(KMSError) -> Timestamp? {
        guard let limit else { return wanted }
        guard let wanted else { return limit }
        guard isStart ? wanted >= limit : wanted <= limit else {
            throw .badRequest("Field \"\(field)\" must not be \(isStart ? "before" : "after") that of the first object")
        }
        return wanted
    }

    private func checkOrder(_ object: Sobject, _ now: Timestamp) throws(KMSError) {
        guard let end = object.deactivationDate else { return }
        guard end > now else {
            throw .badRequest("Field \"deactivation_date\" must be in the future; POST …/revoke ends an object now")
        }
        guard object.activationDate.map({ $0 < end }) ?? true else {
            throw .badRequest("Field \"deactivation_date\" must be after activation_date")
        }
    }
}

import KMSSupport

/// Where an agent's keys and certificates come from.
protocol EntrySource: AnyObject {
    /// Asked before each pass. All functions throw `AgentFailure` or `CommandFailure`.
    func hosts() throws -> [String]

    /// Looks, without changing anything. An `AgentFailure` that is a withdrawal means that the entry has to go.
    ///
    /// - Parameter held: what is in use.
    func plan(_ host: String, held: HeldEntry?, _ client: AdminClient) throws -> EntryPlan

    /// What was last planned for the host is in use: it was loaded, or was there already.
    func confirm(_ host: String)

    /// Seconds until --watch should look again because of this certificate; nil: at the next interval.
    func due(_ certificate: ServerCertificate) -> Int?
}

enum EntryPlan {
    case keep
    /// Makes or fetches the entry.
    case replace(make: () throws -> TLSEntry)
}

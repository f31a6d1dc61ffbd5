import KMSSupport

/// Where NGINX takes keys and certificates from.
protocol EntryStore: AnyObject {
    /// For people.
    var name: String { get }

    /// Before a pass over the hosts. All functions throw `AgentFailure`.
    func open() throws

    /// PEM of key and certificates; nil: there is no entry.
    func held(_ host: String) throws -> Secret?

    func put(_ entry: TLSEntry) throws

    func remove(_ host: String) throws

    /// After a pass: what was put and removed is in force now, all of it or nothing.
    func commit() throws
}

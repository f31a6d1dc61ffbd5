internal import KMSSupport
package import NIOCore
internal import Synchronization

/// The open connections, to bound their number in all and from one address.
///
/// When there is no place, the connection that has waited longest for a request makes room; only when all are busy the
/// new one is refused. So those who open connections and say nothing cannot keep others out.
package final class Connections: Sendable {
    package final class Connection: Sendable {
        fileprivate let channel: any Channel
        fileprivate let address: String
        /// Nanoseconds of `NIODeadline`; 0 while a request is under way.
        private let waitingSince: Atomic<UInt64>

        fileprivate init(_ channel: any Channel, _ address: String) {
            self.channel = channel
            self.address = address
            waitingSince = Atomic(NIODeadline.now().uptimeNanoseconds)
        }

        fileprivate var waiting: UInt64? {
            let since = waitingSince.load(ordering: .relaxed)
            return since == 0 ? nil : since
        }

        func becomeBusy() { waitingSince.store(0, ordering: .relaxed) }

        func becomeIdle() { waitingSince.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed) }
    }

    private struct State: Sendable {
        var open: [ObjectIdentifier: Connection] = [:]
        var perAddress: [String: Int] = [:]

        mutating func add(_ connection: Connection) {
            open[ObjectIdentifier(connection.channel)] = connection
            perAddress[connection.address, default: 0] += 1
        }

        mutating func remove(_ connection: Connection) {
            guard open.removeValue(forKey: ObjectIdentifier(connection.channel)) != nil else { return }
            let left = perAddress[connection.address, default: 1] - 1
            perAddress[connection.address] = left > 0 ? left : nil
        }

        func longestWaiting(from address: String?) -> Connection? {
            open.values.lazy
                .filter { address == nil || $0.address == address }
                .compactMap { connection in connection.waiting.map { (since: $0, connection: connection) } }
                .min { $0.since < $1.since }?.connection
        }
    }

    private let state = Locked(State())
    private let limit: Int
    private let limitPerAddress: Int
    private let metrics: Metrics

    package init(limits: Limits, metrics: Metrics) {
        limit = limits.connections
        limitPerAddress = limits.connectionsPerAddress
        self.metrics = metrics
    }

    package var count: Int { state.withLock { $0.open.count } }

    /// - Returns: whether there is a place for the connection, which is taken until it is closed.
    package func admit(_ channel: any Channel) -> Bool {
        let connection = Connection(channel, channel.remoteAddress?.ipAddress ?? "")
        let (isAdmitted, evicted) = state.withLock { state -> (Bool, Connection?) in
            var evicted: Connection?
            let isAddressFull = state.perAddress[connection.address, default: 0] >= limitPerAddress
            if isAddressFull || state.open.count >= limit {
                evicted = state.longestWaiting(from: isAddressFull ? connection.address : nil)
                guard let evicted else { return (false, nil) }
                state.remove(evicted)
            }
            state.add(connection)
            return (true, evicted)
        }
        guard isAdmitted else {
            metrics.connectionsRefused.add()
            return false
        }
        metrics.connectionsOpened.add()
        if let evicted {
            metrics.connectionsEvicted.add()
            evicted.channel.close(promise: nil)
        }
        channel.closeFuture.whenComplete { [self] _ in state.withLock { $0.remove(connection) } }
        return true
    }

    func connection(of channel: any Channel) -> Connection? {
        state.withLock { $0.open[ObjectIdentifier(channel)] }
    }
}

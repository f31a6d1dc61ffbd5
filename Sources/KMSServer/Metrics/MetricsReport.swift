internal import FoundationEssentials
internal import GRDB

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Everything there is to measure of a running server, in the order of kmsd(8).
struct MetricsReport {
    let vault: Vault

    func text() async throws -> String {
        var out = Exposition()
        addServer(to: &out)
        addRequests(to: &out)
        addConnections(to: &out)
        try await addVault(to: &out)
        addProcess(to: &out)
        return out.text
    }

    private func addServer(to out: inout Exposition) {
        out.add("kmsd_build_info", .gauge, "1; the version is a label.", 1, ["version": Server.version])
        out.add("kmsd_ready", .gauge, "1 when requests are served and storage works.", vault.notReady == nil ? 1 : 0)
    }

    private func addRequests(to out: inout Exposition) {
        let requests = vault.metrics.requests
        out.add(
            "kmsd_requests_total", .counter, "Requests by route, method and class of the status.",
            samples: requests.all.map { (["route": $0.route, "method": $0.method, "status": $0.status], $0.count) })
        out.add(
            "kmsd_request_duration_seconds", "From the head of a request to its answer.", requests.duration, scale: 1e9)
        out.add("kmsd_requests_in_flight", .gauge, "Requests being answered.", vault.metrics.inFlight.value)
        out.add(
            "kmsd_requests_refused_total", .counter, "Requests answered 503 because of limits.requests.",
            vault.metrics.requestsRefused.value)
        out.add(
            "kmsd_crypto_operations_total", .counter, "Operations with keys by kind and algorithm.",
            samples: vault.metrics.operations.all.map {
                (["operation": $0.name.operation, "algorithm": $0.name.algorithm], $0.count)
            })
        let logins = vault.throttle
        out.add(
            "kmsd_logins_total", .counter, "Checks of API keys and passwords by outcome.",
            samples: [
                (["outcome": "accepted"], logins.accepted.value), (["outcome": "failed"], logins.refused.value),
                (["outcome": "throttled"], logins.throttled.value),
            ])
    }

    private func addConnections(to out: inout Exposition) {
        let metrics = vault.metrics
        out.add("kmsd_connections", .gauge, "Open connections.", vault.connections.count)
        out.add("kmsd_connections_opened_total", .counter, "Connections accepted.", metrics.connectionsOpened.value)
        out.add(
            "kmsd_connections_refused_total", .counter, "Connections closed at once because of a limit.",
            metrics.connectionsRefused.value)
        out.add(
            "kmsd_connections_evicted_total", .counter, "Waiting connections closed in favour of new ones.",
            metrics.connectionsEvicted.value)
        out.add(
            "kmsd_handshake_timeouts_total", .counter, "Connections closed during the TLS handshake, for its slowness.",
            metrics.handshakesTimedOut.value)
    }

    private func addVault(to out: inout Exposition) async throws {
        out.add("kmsd_sessions", .gauge, "Sessions that are alive.", vault.sessions.count)
        out.add("kmsd_keys_cached", .gauge, "Parsed keys in memory.", vault.keys.count)
        out.add("kmsd_apps_cached", .gauge, "Apps in memory.", vault.apps.count)
        try? await vault.audit.settle()
        let records = try await vault.pool.read { db in
            try Int.fetchOne(db, sql: "SELECT max(sequence) FROM audit") ?? 0
        }
        out.add("kmsd_audit_records", .gauge, "Records of the audit log.", records)
        out.add(
            "kmsd_audit_batch_records", "Records of operations that were committed together.", vault.audit.batches)
        out.add("kmsd_database_bytes", .gauge, "Size of the database.", size(of: vault.pool.path))
        out.add("kmsd_wal_bytes", .gauge, "Size of its write-ahead log.", size(of: vault.pool.path + "-wal"))
    }

    private func addProcess(to out: inout Exposition) {
        guard let process = ProcessFigures() else { return }
        out.add("process_cpu_seconds_total", .counter, "CPU time, user and system.", process.cpuSeconds)
        out.add("process_resident_memory_bytes", .gauge, "Resident memory.", process.residentBytes)
        out.add("process_virtual_memory_bytes", .gauge, "Address space.", process.virtualBytes)
        out.add("process_threads", .gauge, "Threads.", process.threads)
        out.add("process_open_fds", .gauge, "Open files, connections among them.", process.openFiles)
        out.add("process_max_fds", .gauge, "Open files that are allowed.", process.maximumFiles)
        out.add("process_start_time_seconds", .gauge, "Start, seconds since 1970.", process.started)
    }

    private func size(of file: String) -> Int {
        var status = stat()
        return stat(file, &status) == 0 ? Int(status.st_size) : 0
    }
}

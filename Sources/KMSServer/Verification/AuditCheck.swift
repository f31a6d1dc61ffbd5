internal import FoundationEssentials
internal import GRDB
internal import KMSModel

/// The audit log, from the first record to the last one that its head knows.
struct AuditCheck {
    let chain: AuditChain
    let findings: Findings

    /// - Returns: how many records there are.
    func run(in db: Database) throws -> Int {
        var count = 0
        var last: AuditStore.Entry?
        // The chain value of the last record that was right: what follows inserted records continues from there.
        var good: [UInt8] = []
        try AuditStore.forEach(in: db) { entry, columnsFit in
            count += 1
            guard entry.sequence > 0 else {
                findings.add("\(label(entry)): it was inserted, for the first record is number 1")
                return
            }
            let expected = (last?.sequence ?? 0) &+ 1
            if entry.sequence > expected { missing(expected...(entry.sequence - 1), before: entry) }
            let continues = chain.continues(last?.chain ?? [], entry) || chain.continues(good, entry)
            if continues {
                good = entry.chain
            } else if entry.sequence == expected {
                findings.add(
                    "\(label(entry)): it does not continue the chain: it was changed, moved or inserted, "
                        + "or a record before it was")
            }
            if continues, !columnsFit {
                findings.add("\(label(entry)): the columns for queries do not say what the record says")
            }
            last = entry
        }
        try end(after: last, in: db)
        return count
    }

    private func missing(_ numbers: ClosedRange<Int64>, before entry: AuditStore.Entry) {
        findings.add("\(records(numbers)): removed; the next one is \(label(entry))")
    }

    /// Compares the last record with the head.
    private func end(after last: AuditStore.Entry?, in db: Database) throws {
        guard let head = try AuditStore.head(in: db) else {
            findings.add("audit log: its head is missing, so records may have been removed from its end")
            return
        }
        guard chain.isAuthentic(head) else {
            findings.add("audit log: its head was changed, so records may have been removed from its end")
            return
        }
        let count = last?.sequence ?? 0
        if head.count > count {
            let rest = last.map { "the log now ends with \(label($0))" } ?? "nothing is left"
            findings.add("\(records((count + 1)...head.count)): removed from the end; \(rest)")
        } else if head.count < count {
            findings.add("\(records((head.count + 1)...count)): added by somebody else than kmsd")
        } else if let last, head.chain != last.chain {
            findings.add("\(label(last)): its chain value is not the one that the log's head has")
        }
    }

    private func records(_ numbers: ClosedRange<Int64>) -> String {
        numbers.lowerBound == numbers.upperBound
            ? "audit record \(numbers.lowerBound)" : "audit records \(numbers.lowerBound) to \(numbers.upperBound)"
    }

    private func label(_ entry: AuditStore.Entry) -> String {
        guard let record = try? JSONDecoder().decode(AuditRecord.self, from: Data(entry.record.utf8)) else {
            return "audit record \(entry.sequence) (not readable)"
        }
        return "audit record \(entry.sequence) (\(record.time), \(record.message.quoted))"
    }
}

internal import NIOCore

/// The requests that an event loop found on its connections in one turn. They are answered when all of them have been
/// read: each step for one after the other, which the processor's caches like, and their records with one write of the
/// audit log's journal.
///
/// Not `Sendable`: it lives on its event loop.
final class QuickTurn {
    /// After which the answers leave that are there.
    private static var mostTime: Duration { .milliseconds(1) }
    /// Works that are not short: more are not done on the event loop, nor by one task.
    private static var mostTogether: Int { 4 }

    private let loop: any EventLoop
    private let audit: AuditLog
    private var asked = CircularBuffer<QuickResponder>()
    private var answered: [(responder: QuickResponder, json: [UInt8])] = []
    /// Of what was answered.
    private var events: [AuditEvent] = []
    private var isEndDue = false

    init(_ loop: any EventLoop, audit: AuditLog) {
        self.loop = loop
        self.audit = audit
    }

    /// Answers the responder's request at the end of the turn.
    func ask(_ responder: QuickResponder) {
        asked.append(responder)
        scheduleEnd()
    }

    /// What an event loop has to execute comes after the connections that were ready.
    private func scheduleEnd() {
        guard !isEndDue else { return }
        isEndDue = true
        let turn = NIOLoopBound(self, eventLoop: loop)
        loop.execute { turn.value.end() }
    }

    private func end() {
        isEndDue = false
        let end = ContinuousClock.now + QuickTurn.mostTime
        var others: [(responder: QuickResponder, work: QuickWork)] = []
        while let responder = asked.popFirst() {
            guard let work = responder.begin() else { continue }
            if work.length == .short { done(work.perform(), for: responder) } else { others.append((responder, work)) }
            if .now > end { break }
        }
        if !asked.isEmpty { scheduleEnd() }
        finish()
        if others.count <= QuickTurn.mostTogether, others.allSatisfy({ $0.work.length == .middle }) {
            for (responder, work) in others { done(work.perform(), for: responder) }
            finish()
        } else {
            for start in stride(from: 0, to: others.count, by: QuickTurn.mostTogether) {
                performElsewhere(others[start...].prefix(QuickTurn.mostTogether))
            }
        }
    }

    /// By one task, because the way there and back costs as much as the rest of a request. The answers have a turn of
    /// their own.
    private func performElsewhere(_ others: ArraySlice<(responder: QuickResponder, work: QuickWork)>) {
        let turn = NIOLoopBound((self, others.map(\.responder)), eventLoop: loop)
        let works = others.map(\.work)
        Task.detached {
            let answers = works.map { $0.perform() }
            turn.eventLoop.execute {
                let (turn, responders) = turn.value
                for (responder, answer) in zip(responders, answers) { turn.done(answer, for: responder) }
                turn.scheduleEnd()
            }
        }
    }

    private func done(_ answer: QuickAnswer?, for responder: QuickResponder) {
        guard let answer else { return responder.finish(nil) }
        answered.append((responder, answer.json))
        // Also when the connection is gone.
        events.append(answer.event)
    }

    /// Records what was done; then the answers leave.
    private func finish() {
        guard !events.isEmpty else { return }
        let isRecorded = (try? audit.note(events)) != nil
        let answers = answered
        events = []
        answered = []
        for (responder, json) in answers { responder.finish(isRecorded ? json : nil) }
    }
}

@available(*, unavailable)
extension QuickTurn: Sendable {}

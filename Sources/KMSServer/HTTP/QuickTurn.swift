internal import NIOCore

/// The requests that an event loop found on its connections in one turn. They are answered when all of them have been
/// read: each step for one after the other, which the processor's caches like, and their records with one write of the
/// audit log's journal.
///
/// Not `Sendable`: it lives on its event loop.
final class QuickTurn {
    /// After which the answers leave that are there.
    private static var mostTime: Duration { .milliseconds(1) }

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

    /// Calls the responder's `begin` at the end of the turn.
    func ask(_ responder: QuickResponder) {
        asked.append(responder)
        scheduleEnd()
    }

    /// Records what was done, and calls the responder's `finish`, at the end of the turn.
    func answer(_ responder: QuickResponder, _ answer: QuickAnswer) {
        answered.append((responder, answer.json))
        events.append(answer.event)
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
        let end = ContinuousClock.now + QuickTurn.mostTime
        repeat { asked.popFirst()?.begin() } while !asked.isEmpty && .now < end
        isEndDue = false
        if !asked.isEmpty { scheduleEnd() }
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

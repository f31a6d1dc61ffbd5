/// What a verification found: each finding is told at once, none is kept, so that memory does not grow with them.
final class Findings {
    private(set) var count = 0
    private let tell: (String) -> Void

    init(tell: @escaping (String) -> Void) { self.tell = tell }

    /// - Parameter finding: one line that begins with the name of the thing.
    func add(_ finding: String) {
        count += 1
        tell(finding)
    }
}

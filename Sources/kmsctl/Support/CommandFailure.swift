/// Why a command ends: a sentence, a remedy, and the exit code.
struct CommandFailure: Error {
    /// The exit codes of `kmsctl --help` and kmsctl(1).
    enum Code: Int32 {
        case refused = 1
        case input = 2
        case unreachable = 3
        case unauthenticated = 4
        case notFound = 5

        /// Stable, for --json.
        var name: String {
            switch self {
            case .refused: "refused"
            case .input: "input"
            case .unreachable: "unreachable"
            case .unauthenticated: "unauthenticated"
            case .notFound: "not_found"
            }
        }
    }

    var code: Code
    var message: String
    var remedy: String?
    /// The KMS answered, but not in a way that can be understood.
    var isUnintelligible = false

    init(_ code: Code, _ message: String, remedy: String? = nil) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }
}

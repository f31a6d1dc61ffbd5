/// `[log]` of the configuration.
package struct LogSettings: Sendable {
    package struct File: Sendable {
        /// Absolute.
        package var path: String
        /// Size at which the file is renamed to `path.1` and begun anew, in bytes; 0: never, somebody else rotates.
        package var rotationBytes = 0
        /// How many old files are kept.
        package var keptFiles = 5

        package init(path: String) { self.path = path }
    }

    package var level: Log.Level = .warning
    /// Whether lines go to standard error; nil: when they go nowhere else.
    package var usesStandardError: Bool?
    package var usesSystemLog = false
    /// The socket of the system's log: a chrooted host may have it elsewhere.
    package var systemLogSocket = "/dev/log"
    package var file: File?
    /// Requests that take longer are worth a line, in milliseconds; 0: none is.
    package var slowMilliseconds = 2_000
    /// Where each process leaves its counters; nil: nowhere.
    package var countersDirectory: String?
    /// The time between two writings of them, at least, in seconds.
    package var countersSeconds = 60

    package init() {}

    package var writesStandardError: Bool { usesStandardError ?? (file == nil && !usesSystemLog) }
}

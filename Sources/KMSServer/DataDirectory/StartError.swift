#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Why kmsd does not start, or does not do what a command asked for: one sentence with cause and remedy, and the exit
/// code that goes with it.
package struct StartError: Error, Sendable, CustomStringConvertible {
    /// Exit codes of `sysexits.h`.
    package enum Cause: Int32, Sendable {
        case usage = 64
        /// Damaged, or made by something else.
        case data = 65
        /// A file that must be there is missing.
        case noInput = 66
        /// An address or a directory that somebody else uses.
        case unavailable = 69
        case software = 70
        case cannotCreate = 73
        case inputOutput = 74
        case permission = 77
        /// Something that the operator has to set up otherwise.
        case configuration = 78
    }

    package var description: String
    package var cause: Cause

    package init(_ description: String, _ cause: Cause = .configuration) {
        self.description = description
        self.cause = cause
    }

    /// A system call failed.
    ///
    /// - Parameters:
    ///   - what: `write /a/file`, as in "cannot write /a/file: No space left on device".
    ///   - number: its `errno`.
    ///   - otherwise: the cause where `errno` does not name a better one.
    init(cannot what: String, _ number: Int32, otherwise: Cause = .inputOutput) {
        let cause: Cause =
            switch number {
            case EACCES, EPERM, EROFS: .permission
            case ENOSPC, EIO, EDQUOT: .inputOutput
            case EISDIR: .data
            case ENOENT where otherwise == .inputOutput, ENOTDIR where otherwise == .inputOutput: .noInput
            default: otherwise
            }
        let remedy = StartError.remedy(number, isMaking: otherwise == .cannotCreate)
        self.init("cannot \(what): \(String(cString: strerror(number)))\(remedy)", cause)
    }

    private static func remedy(_ number: Int32, isMaking: Bool) -> String {
        switch number {
        case EACCES, EPERM: "; run this as the user whose it is"
        case EROFS: "; name a place that can be written"
        case ENOSPC, EDQUOT: "; make room there"
        case ENOENT: isMaking ? "; make the directory that it shall be in first" : "; check the name"
        case EEXIST where isMaking: "; name another one"
        case ENOTDIR: "; a file stands where the path needs a directory"
        default: ""
        }
    }
}

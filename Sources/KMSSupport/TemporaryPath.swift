#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// A file or folder with a name that nobody has, for its owner only whatever the umask, beside what it is to become.
package enum TemporaryPath {
    /// - Parameter beginning: the path up to the six characters that make the name its own.
    /// - Returns: nil: see errno.
    package static func makeFile(_ beginning: String) -> (path: String, descriptor: CInt)? {
        let (path, descriptor) = filled(beginning) { mkstemp($0) }
        return descriptor >= 0 ? (path, descriptor) : nil
    }

    /// As `makeFile`.
    package static func makeFolder(_ beginning: String) -> String? {
        let (path, isMade) = filled(beginning) { mkdtemp($0) != nil }
        return isMade ? path : nil
    }

    private static func filled<Result>(
        _ beginning: String, _ make: (UnsafeMutablePointer<CChar>) -> Result
    ) -> (path: String, Result) {
        var template = Array((beginning + "XXXXXX").utf8CString)
        let result = make(&template)
        return (String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self), result)
    }
}

import Cryptoki
import KMSConfiguration

/// A file that the user named; `-` is standard input.
enum InputFile {
    static func read(_ path: String, what: String, limit: Int = 1 << 20) throws -> ConfigurationFile {
        let name = path == "-" ? "/dev/stdin" : path
        do {
            return try ConfigurationFile(path: name, limit: limit, allowsPipe: true)
        } catch {
            throw CommandFailure(
                .input, "cannot read \(what) \(path): \(error.reason)", remedy: "Check the path and its permissions.")
        }
    }
}

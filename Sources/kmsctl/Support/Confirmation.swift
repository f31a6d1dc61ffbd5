import Glibc

/// A question before what cannot be undone.
enum Confirmation {
    /// - Parameters:
    ///   - question: as in "Delete x for ever?"
    ///   - isGiven: `--yes`.
    /// - Throws: when the answer is no, or there is nobody to ask.
    static func ask(_ question: String, isGiven: Bool) throws {
        guard !isGiven else { return }
        guard isatty(STDIN_FILENO) == 1 else {
            throw CommandFailure(
                .refused, "nothing was deleted: standard input is no terminal to ask on",
                remedy: "Give --yes to delete without a question.")
        }
        Output.write("\(Output.printable(question)) [y/N] ")
        let answer = readLine()?.lowercased()
        guard answer == "y" || answer == "yes" else { throw CommandFailure(.refused, "nothing was deleted") }
    }
}

import Glibc

/// A question before what cannot be undone.
enum Confirmation {
    /// Without a terminal there is nobody to ask, and a script means what it says.
    static func ask(_ question: String) throws -> Bool {
        guard isatty(STDIN_FILENO) == 1 else { return true }
        Output.write("\(Output.printable(question)) [y/N] ")
        let answer = readLine()?.lowercased()
        return answer == "y" || answer == "yes"
    }
}

import ArgumentParser

/// The name of something new.
enum ObjectName {
    /// For `@Argument(transform:)`.
    static func parse(_ text: String) throws -> String {
        guard text.contains(where: { !$0.isWhitespace }) else {
            throw ValidationError("A name cannot be empty or blank.")
        }
        return text
    }
}

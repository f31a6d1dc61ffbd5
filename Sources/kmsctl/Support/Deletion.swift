import ArgumentParser
import Glibc
import KMSModel

/// What a delete command deletes.
struct Deletion {
    /// "app", for people.
    var kind: String
    var id: String
    var name: String
    /// Of the API, without the id.
    var path: String
    /// What the JSON calls the two.
    var idKey: String
    var nameKey = "name"
    /// Nothing brings it back.
    var isForEver = true
}

/// The question before what cannot be undone, and then the same steps for everything that is deleted.
struct DeletionOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Do not ask. Needed where there is no terminal.")
    var yes = false

    func validate() throws {
        guard yes || isatty(STDIN_FILENO) == 1 else {
            throw ValidationError(
                "Nothing was deleted: standard input is no terminal to ask on. Give --yes to delete without a question."
            )
        }
    }

    /// - Throws: `.refused` when the answer is no.
    func delete(_ thing: Deletion, _ client: AdminClient, _ options: ConnectionOptions) throws {
        let label = "\(thing.kind) \(thing.name) (\(thing.id))"
        if !yes {
            Output.write("\(Output.printable("Delete \(label)\(thing.isForEver ? " for ever" : "")?")) [y/N] ")
            let answer = readLine()?.lowercased()
            guard answer == "y" || answer == "yes" else { throw CommandFailure(.refused, "nothing was deleted") }
        }
        try client.send(
            .delete, "\(thing.path)/\(AdminClient.escaped(thing.id))", doing: "deleting \(thing.kind) \"\(thing.name)\""
        )
        let result: [String: JSONValue] = [
            thing.idKey: .text(thing.id), thing.nameKey: .text(thing.name), "deleted": .flag(true),
        ]
        try Output.show(result, asJSON: options.json) { "Deleted \(label)." }
    }
}

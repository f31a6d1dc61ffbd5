import ArgumentParser
import FoundationEssentials
import KMSModel
import KMSSupport

struct LoginCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "login", abstract: "Log in as a user, for the commands that follow.",
            discussion: """
                The password comes from --password-file, KMSCTL_PASSWORD or the terminal. What is kept is a session token,
                in KMSCTL_SESSION or ~/.config/kmsctl/session.json, readable by you alone.
                """)
    }

    @OptionGroup var options: ConnectionOptions

    @Option(help: ArgumentHelp("The user's email address.", valueName: "email"))
    var user: String

    @Option(help: ArgumentHelp("File that holds the password (- is standard input).", valueName: "file"))
    var passwordFile: String?

    @Option(help: "Name or id of the account, when the user has several.")
    var account: String?

    func validate() throws {
        // In Basic authentication the first colon ends the name.
        guard !user.isEmpty, !user.contains(":") else { throw ValidationError("--user must be an email address.") }
    }

    func run() throws {
        // A login that cannot be kept would be a token that nobody ends.
        let path = try UserSession.path()
        _ = try PrivateFile.place(of: path)
        let target = try Target(options, session: UserSession.loadIfUsable())
        let client = try AdminClient(target, options: options)
        let answer = try authenticate(client)
        let account = try selectAccount(client)
        let saved = UserSession(
            endpoint: target.endpoint.text, caFile: target.caFile, user: user, userID: answer.entityID,
            acctID: account, accessToken: answer.accessToken)
        try saved.save()
        struct Result: Encodable {
            var endpoint: String
            var user: String
            var acct_id: String
            var expires_in: Int
            var session_file: String
        }
        try Output.show(
            Result(
                endpoint: target.endpoint.text, user: user, acct_id: account, expires_in: answer.expiresIn,
                session_file: path),
            asJSON: options.json
        ) { "Logged in at \(target.endpoint) as \(user). The session is in \(path)." }
    }

    private func authenticate(_ client: AdminClient) throws -> AuthResponse {
        let password = try password()
        var plain = Array("\(user):".utf8) + Array(password.text.utf8)
        defer { plain.withUnsafeMutableBytes { Secret.wipe($0) } }
        do {
            return try client.authenticate(basic: Secret(Data(plain).base64EncodedString()))
        } catch let failure as CommandFailure where failure.code == .unauthenticated {
            throw CommandFailure(
                .unauthenticated, "the KMS does not accept this user and password", remedy: "Check both and try again.")
        }
    }

    private func password() throws -> Secret {
        if let passwordFile { return try SecretInput.file(passwordFile, what: "the password") }
        if let password = Environment.value("KMSCTL_PASSWORD") { return Secret(password) }
        guard let password = Terminal.askSecret("Password of \(Output.printable(user)): "), !password.isEmpty else {
            throw CommandFailure(
                .input, "no password was given",
                remedy: "Give --password-file FILE, set KMSCTL_PASSWORD, or run this on a terminal.")
        }
        return password
    }

    /// A user's session serves one account; it must be selected even when there is only one.
    private func selectAccount(_ client: AdminClient) throws -> String {
        let flags = try client.get("/sys/v1/users/accounts", doing: "listing the accounts", as: [String: [String]].self)
        let ids = flags.keys.sorted()
        let id: String
        if let account {
            id = try ids.first { $0 == account } ?? named(account, among: ids, client)
        } else if ids.count == 1 {
            id = ids[0]
        } else {
            throw CommandFailure(
                .input, ids.isEmpty ? "the user has no account" : "the user has \(ids.count) accounts",
                remedy: ids.isEmpty ? nil : "Name one with --account: \(ids.joined(separator: ", ")).")
        }
        try client.send(
            .post, "/sys/v1/session/select_account", body: SelectAccountRequest(acctID: id),
            doing: "selecting the account")
        return id
    }

    private func named(_ name: String, among ids: [String], _ client: AdminClient) throws -> String {
        // Before an account is selected only single ones can be read.
        for id in ids {
            let account = try client.get("/sys/v1/accounts/\(id)", doing: "reading an account", as: Account.self)
            if account.name == name { return account.acctID }
        }
        throw CommandFailure(.notFound, "the user has no account \"\(name)\"")
    }
}

struct LogoutCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "logout", abstract: "End the session that `kmsctl login` began.")
    }

    @OptionGroup var options: ConnectionOptions

    private struct Result: Encodable {
        var endpoint: String?
        var user: String?
        var ended: Bool
        /// A file that was no login and is removed.
        var removed: String?
    }

    func run() throws {
        let session: UserSession?
        do {
            session = try UserSession.load()
        } catch let failure as CommandFailure {
            return try removeUnusable(failure)
        }
        guard let session else { throw CommandFailure(.unauthenticated, "nobody is logged in") }
        let ended = end(session)
        // The file goes in any case: a session that cannot be ended now ends by itself.
        try UserSession.remove()
        try Output.show(
            Result(endpoint: session.endpoint, user: session.user, ended: ended), asJSON: options.json
        ) { "Logged out from \(session.endpoint)." }
    }

    /// - Returns: whether the KMS no longer knows the session.
    private func end(_ session: UserSession) -> Bool {
        var options = options
        options.endpoint = session.endpoint
        do {
            try AdminClient(resuming: session, options: options)
                .send(.post, "/sys/v1/session/terminate", doing: "ending the session")
            return true
        } catch let failure as CommandFailure where failure.code == .unauthenticated {
            return true
        } catch {
            let reason = (error as? CommandFailure)?.message ?? "\(error)"
            Output.note("the session ends by itself later: \(reason)")
            return false
        }
    }

    private func removeUnusable(_ failure: CommandFailure) throws {
        let path = try UserSession.path()
        guard try UserSession.remove() else { throw failure }
        Output.note("\(failure.message); a session that it held ends by itself")
        try Output.show(Result(ended: false, removed: path), asJSON: options.json) { "Removed \(path)." }
    }
}

import Glibc
import KMSSupport

/// As whom an agent acts: the API key of a file, of FORTANIX_API_KEY or of the terminal, or the user who logged in.
struct AgentCredential {
    /// From the command line of the vendor's spelling, or typed.
    private var key: Secret?

    init(key: Secret? = nil) { self.key = key }

    /// Files and variables are read again each time, so that a replaced API key is used.
    mutating func connect(_ options: ConnectionOptions) throws -> AdminClient {
        if let key { return try AdminClient.connect(options, key: key) }
        do {
            return try AdminClient.connect(options)
        } catch let failure as CommandFailure where failure.code == .unauthenticated && !hasSource(options) {
            guard isatty(STDIN_FILENO) == 1, let typed = Terminal.askSecret("API key: "), !typed.isEmpty else {
                throw failure
            }
            let client = try AdminClient.connect(options, key: try APIKey.argument(typed))
            key = try APIKey.argument(typed)
            return client
        }
    }

    private func hasSource(_ options: ConnectionOptions) -> Bool {
        options.apiKeyFile != nil || Environment.value("FORTANIX_API_KEY") != nil
    }

    /// What `ps` shows of this process no longer has the key.
    static func hideFromProcessList(_ text: String) {
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let argument = CommandLine.unsafeArgv[index], strcmp(argument, text) == 0 else { continue }
            memset(argument, CInt(UInt8(ascii: "x")), strlen(argument))
        }
    }
}

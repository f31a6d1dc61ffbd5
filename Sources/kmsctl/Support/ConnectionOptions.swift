import ArgumentParser

/// What every command takes: where the KMS is, whom to trust, as whom to act, how to print.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Address of the KMS. Default: KMSCTL_ENDPOINT, FORTANIX_API_ENDPOINT, the configuration file, the last login.",
            valueName: "url"))
    var endpoint: String?

    @Option(
        help: ArgumentHelp(
            "PEM file of the CA to trust. Default: KMSCTL_CA_FILE, the last login's at its endpoint, ca_certs_file of the"
                + " configuration, the system's.",
            valueName: "file"))
    var caFile: String?

    @Option(
        help: ArgumentHelp(
            "Act as the app whose API key is in this file (the key, or TOML with api_key). Default: FORTANIX_API_KEY.",
            valueName: "file"))
    var apiKeyFile: String?

    @Option(help: ArgumentHelp("Give up after this many seconds.", valueName: "seconds"))
    var timeout: Int = 30

    @Flag(help: "Print JSON, errors included.")
    var json = false

    func validate() throws {
        guard (1...3600).contains(timeout) else { throw ValidationError("--timeout must be from 1 to 3600 seconds.") }
    }
}

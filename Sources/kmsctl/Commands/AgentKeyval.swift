import ArgumentParser

/// `kmsctl agent keyval`: keys and certificates that are kept in the KMS.
struct AgentKeyval: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "keyval", abstract: "Load keys and certificates that the KMS keeps.",
            discussion: """
                The API key is that of --api-key-file or FORTANIX_API_KEY; on a terminal it is asked for. Its app needs \
                EXPORT in the group, and the key must be exportable.

                \(AgentCommand.exitCodes)
                """)
    }

    @Argument(help: ArgumentHelp("Name of NGINX Plus's key-value zone.", valueName: "store"))
    var zone: String?
    // An array, so that a second one is an error and does not replace the first.
    @Option(
        name: .customLong("host"), help: ArgumentHelp("Name that clients ask for (SNI).", valueName: "host"),
        transform: HostName.argument)
    var hosts: [String] = []
    @Option(help: ArgumentHelp("Name of the private key in the KMS.", valueName: "name"))
    var key: String?
    @Option(help: ArgumentHelp("Name of the certificate in the KMS.", valueName: "name"))
    var certificate: String?
    @Option(
        help: ArgumentHelp(
            "Name of the issuer's certificate, then of its issuer's: repeat in this order, without the root.",
            valueName: "name"))
    var chain: [String] = []
    @Option(
        help: ArgumentHelp(
            "Instead of these: TOML with a [[host]] table for each (name, key, certificate, chain).", valueName: "file")
    )
    var hostsFile: String?
    @OptionGroup var options: AgentOptions

    func validate() throws {
        try options.checkDestination(zone)
        guard hosts.count <= 1 else {
            throw ValidationError("--host is given \(hosts.count) times. Several hosts come from a file: --hosts-file.")
        }
        let isOne = !hosts.isEmpty && key != nil && certificate != nil
        let isNone = hosts.isEmpty && key == nil && certificate == nil && chain.isEmpty
        guard hostsFile == nil ? isOne : isNone else {
            throw ValidationError("Give --host, --key and --certificate, or --hosts-file.")
        }
    }

    func run() throws {
        try Agent.run(options, zone: zone) { rules in
            StoredSource(rules: rules) {
                if let hostsFile { return try HostList.read(hostsFile) }
                guard let host = hosts.first, let key, let certificate else { return [] }
                return [HostObjects(host: host, key: key, certificate: certificate, chain: chain)]
            }
        }
    }
}

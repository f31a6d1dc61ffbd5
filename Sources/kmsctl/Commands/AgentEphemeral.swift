import ArgumentParser

/// `kmsctl agent ephemeral`: keys and certificates that are made for a short time.
struct AgentEphemeral: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "ephemeral", abstract: "Have short-lived keys and certificates made, and load them.",
            discussion: """
                The KMS makes the key, its X.509 CA plugin issues the certificate, with the host as subject alternative \
                name, and the KMS keeps no copy of the key. Without --watch each run makes a new one; --watch renews at \
                two thirds of the lifetime.

                \(AgentCommand.exitCodes)
                """)
    }

    @Argument(help: ArgumentHelp("Name of NGINX Plus's key-value zone.", valueName: "store"))
    var zone: String?
    @Option(help: "Name or id of the plugin.")
    var plugin: String
    @Option(
        name: .customLong("host"),
        help: ArgumentHelp("Name that clients ask for (SNI); repeat for several.", valueName: "host"),
        transform: HostName.argument)
    var hosts: [String]
    @OptionGroup var issuer: IssuerOptions
    @Option(help: ArgumentHelp("Name of the CA's private key in the KMS.", valueName: "name"))
    var issuerKey: String
    @Option(help: ArgumentHelp("Name of the CA's certificate in the KMS.", valueName: "name"))
    var issuerCertificate: String
    @OptionGroup var options: AgentOptions

    func validate() throws {
        try options.checkDestination(zone)
        guard !hosts.isEmpty else { throw ValidationError("Give at least one --host.") }
        guard Set(hosts).count == hosts.count else { throw ValidationError("A --host comes twice.") }
    }

    func run() throws {
        try Agent.run(options, zone: zone) { rules in
            EphemeralSource(
                issuer.order(hosts: hosts, plugin: plugin, key: issuerKey, certificate: issuerCertificate),
                rules: rules, isWatching: options.watch)
        }
    }
}

/// What is issued.
struct IssuerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("How long a certificate is valid.", valueName: "seconds"))
    var lifetime: Int = 86_400
    @Option(help: ArgumentHelp("Kind of key: rsa (2048 bits) or ec (P-256).", valueName: "type"))
    var type = EphemeralKey.KeyType.rsa
    @Option(
        help: ArgumentHelp(
            "Name of a certificate above the CA's, without the root; repeat, the next issuer last.", valueName: "name"))
    var chain: [String] = []
    @Flag(help: "Make a stored key and delete it after its export, also where the KMS has transient keys.")
    var storedKey = false

    func validate() throws {
        guard (1...31_536_000).contains(lifetime) else {
            throw ValidationError("--lifetime must be from 1 to 31536000 seconds.")
        }
    }

    func order(hosts: [String], plugin: String, key: String, certificate: String) -> EphemeralSource.Order {
        EphemeralSource.Order(
            hosts: hosts, plugin: plugin, issuerKey: key, issuerCertificate: certificate, chain: chain,
            lifetime: lifetime, keyType: type, storesKey: storedKey)
    }
}

import ArgumentParser
import KMSSupport

/// The vendor's two scripts: names that kmsctl goes by, with their positional arguments in their order.
enum VendorAgents {
    /// The command for the name under which the program was started; nil: kmsctl itself.
    static func command(for path: String) -> (any ParsableCommand.Type)? {
        let name = path.split(separator: "/").last.map(String.init)
        return [VendorKeyval.self as any ParsableCommand.Type, VendorEphemeral.self].first {
            $0.configuration.commandName == name
        }
    }

    /// The vendor's plugin issues certificates with a common name alone, and its scripts take them.
    fileprivate static func options(_ options: AgentOptions, _ address: String) -> AgentOptions {
        var options = options
        options.connection.endpoint = address
        options.acceptCommonName = true
        return options
    }

    /// The API key itself, which others could see in the list of processes until now; or `file:PATH`, `env:NAME`.
    fileprivate static func credential(_ argument: String) throws -> AgentCredential {
        let typed = Secret(argument)
        AgentCredential.hideFromProcessList(argument)
        return AgentCredential(key: try APIKey.argument(typed))
    }

    /// Says nothing of the arguments' text: a wrong order would show the API key.
    fileprivate static func check(_ options: AgentOptions, _ zone: String, _ host: String) throws {
        try options.checkDestination(zone)
        guard HostName.parse(host) != nil else {
            throw ValidationError("SNI_Host_name is no host name. Check the order of the arguments.")
        }
    }

    fileprivate static var hint: String {
        "API_key may be file:PATH, or env:NAME, which root and the same user can read. This is kmsctl under another name:"
            + " see `kmsctl agent --help`.\n\n" + AgentCommand.exitCodes
    }
}

struct VendorKeyval: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "sdkms_agent.sh", abstract: "Load a key and certificate that the KMS keeps into NGINX.",
            discussion: VendorAgents.hint)
    }

    @Argument(help: ArgumentHelp(valueName: "key-value_store_name")) var zone: String
    @Argument(help: ArgumentHelp(valueName: "KMS_URL")) var address: String
    @Argument(help: ArgumentHelp(valueName: "API_key")) var apiKey: String
    @Argument(help: ArgumentHelp(valueName: "SNI_Host_name")) var host: String
    @Argument(help: ArgumentHelp(valueName: "private_key_name")) var key: String
    @Argument(help: ArgumentHelp(valueName: "certificate_name")) var certificate: String
    @Option(help: ArgumentHelp("Name of the issuer's certificate, as for `kmsctl agent keyval`.", valueName: "name"))
    var chain: [String] = []
    @OptionGroup var options: AgentOptions

    func validate() throws { try VendorAgents.check(options, zone, host) }

    func run() throws {
        let options = VendorAgents.options(options, address)
        try Agent.run(options, zone: zone, { try VendorAgents.credential(apiKey) }) { rules in
            StoredSource(rules: rules) {
                [HostObjects(host: host.lowercased(), key: key, certificate: certificate, chain: chain)]
            }
        }
    }
}

struct VendorEphemeral: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "sdkms_get_ephemeral_tls_cert.py",
            abstract: "Have a short-lived key and certificate made, and load them into NGINX.",
            discussion: VendorAgents.hint)
    }

    @Argument(help: ArgumentHelp(valueName: "key-value_store_name")) var zone: String
    @Argument(help: ArgumentHelp(valueName: "KMS_URL")) var address: String
    @Argument(help: ArgumentHelp(valueName: "API_key")) var apiKey: String
    @Argument(help: ArgumentHelp(valueName: "plug-in_ID")) var plugin: String
    @Argument(help: ArgumentHelp(valueName: "SNI_Host_name")) var host: String
    @Argument(help: ArgumentHelp(valueName: "issuer_key_name")) var issuerKey: String
    @Argument(help: ArgumentHelp(valueName: "issuer_certificate_name")) var issuerCertificate: String
    @OptionGroup var issuer: IssuerOptions
    @OptionGroup var options: AgentOptions

    func validate() throws { try VendorAgents.check(options, zone, host) }

    func run() throws {
        let options = VendorAgents.options(options, address)
        try Agent.run(options, zone: zone, { try VendorAgents.credential(apiKey) }) { rules in
            EphemeralSource(
                issuer.order(
                    hosts: [host.lowercased()], plugin: plugin, key: issuerKey, certificate: issuerCertificate),
                rules: rules, isWatching: options.watch)
        }
    }
}

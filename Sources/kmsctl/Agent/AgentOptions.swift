import ArgumentParser

/// What all agents take: where entries go, and how often.
struct AgentOptions: ParsableArguments {
    @OptionGroup var connection: ConnectionOptions

    @Option(
        help: ArgumentHelp(
            "Address of NGINX Plus's API. http:// to this machine only. Default: KMSCTL_NGINX_API, http://127.0.0.1:8443.",
            valueName: "url"))
    var nginx: String?
    @Option(help: ArgumentHelp("PEM file of the CA of an https:// API.", valueName: "file"))
    var nginxCaFile: String?
    @Option(
        help: ArgumentHelp(
            "Instead of a key-value store: write HOST.crt and HOST.key below this folder, which must be in memory (tmpfs).",
            valueName: "folder"))
    var output: String?
    @Option(
        help: ArgumentHelp(
            "Group, or its number, that may read the files, as NGINX's workers must. Default: as the folder is.",
            valueName: "group"))
    var group: String?
    @Flag(help: "Write private keys to a folder on a disk, too.")
    var allowDisk = false
    @Flag(help: "Go on: load what is new, renew what ends, remove what was withdrawn, until SIGTERM. SIGHUP: look now.")
    var watch = false
    @Option(help: ArgumentHelp("Between two looks of --watch.", valueName: "seconds"))
    var interval: Int = 300
    @Flag(help: "Say what would be done, and change nothing.")
    var dryRun = false
    @Flag(help: "Accept certificates with a common name alone. Current browsers do not.")
    var acceptCommonName = false

    func validate() throws {
        guard (1...86_400).contains(interval) else {
            throw ValidationError("--interval must be from 1 to 86400 seconds.")
        }
        guard output?.isEmpty != true else { throw ValidationError("The name of the folder of --output is empty.") }
        guard output != nil || (group == nil && !allowDisk) else {
            throw ValidationError("--group and --allow-disk belong to --output.")
        }
    }

    /// - Parameter zone: of NGINX Plus; nil: --output.
    func store(zone: String?) throws -> any EntryStore {
        if let output {
            return FolderStore(
                try OutputFolder(output, group: group, allowsDisk: allowDisk), isDryRun: dryRun)
        }
        let address = nginx ?? Environment.value("KMSCTL_NGINX_API") ?? "http://127.0.0.1:8443"
        return KeyvalStore(
            zone: zone ?? "", api: try NginxAPI(address, caFile: nginxCaFile, timeout: connection.timeout))
    }

    /// The name of the zone that the user gave, checked against --output.
    func checkDestination(_ zone: String?) throws {
        guard (zone == nil) != (output == nil) else {
            throw ValidationError("Give either the name of NGINX's key-value store or --output FOLDER.")
        }
        guard zone?.isEmpty != true else { throw ValidationError("The name of the key-value store is empty.") }
    }
}

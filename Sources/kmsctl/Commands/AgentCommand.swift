import ArgumentParser

/// Brings TLS keys and certificates from the KMS to NGINX.
struct AgentCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "agent", abstract: "Brings TLS keys and certificates from the KMS into NGINX's memory.",
            discussion: """
                A key that NGINX uses by itself has left the KMS: NGINX and the store hold it. With the PKCS#11 module it \
                stays in the KMS.

                What is loaded replaces what was there only if key and certificate belong together, are valid now, are \
                for this host and for TLS servers, and the chain is in order. Otherwise the old entry stays.

                \(exitCodes)
                """,
            subcommands: [AgentKeyval.self, AgentEphemeral.self])
    }

    static var exitCodes: String {
        """
        Exit codes, those of sysexits.h; of several failures the first one's:
          0   done; with --watch: ended by SIGTERM or SIGINT
          64  wrong usage
          65  key and certificate do not fit: mismatch, expired, another host, chain
          66  the KMS has no such object or plugin
          69  KMS or NGINX cannot be reached or is out of order
          73  the folder of --output cannot be written, is on a disk, or is not an agent's
          74  standard output cannot be written; without --watch only
          75  interrupted, or another agent is at it; try again
          76  an answer that cannot be understood
          77  KMS or NGINX refuses: API key, key not exportable, API read-only
          78  an option, the list of hosts or NGINX's configuration is wrong
        """
    }
}

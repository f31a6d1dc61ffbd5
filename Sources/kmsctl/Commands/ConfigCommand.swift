import ArgumentParser
import Cryptoki
import Glibc
import KMSSupport

struct ConfigCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "config", abstract: "The module's configuration.", subcommands: [Check.self])
    }

    struct Check: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                commandName: "check",
                abstract: "Show what the module's configuration says, and where each value is from.",
                discussion: """
                    Reads file and variables as the module does, with every file that they name, and shows each key with
                    the value that holds: from FILE:LINE, from a variable, or the default. Secrets are not shown. Nothing
                    is asked over the network: that is what `kmsctl doctor` does. Run it as the user, and with the
                    environment, of the program that uses the module.

                    Exit codes, those of sysexits.h:
                      0   the configuration can be used
                      64  wrong usage
                      66  a file is missing or cannot be read
                      77  a file may not be read by this user, or holds a secret and may be read by everybody
                      78  a key or a value is wrong
                    """)
        }

        @Argument(
            help: ArgumentHelp(
                "The file. Default: KMS_PKCS11_CONF, /etc/kms-pkcs11/kms-pkcs11.conf, /etc/fortanix/pkcs11.conf.",
                valueName: "file"))
        var file: String?
        @Flag(help: "Print JSON, errors included.")
        var json = false

        func run() throws {
            let named = file.map(Target.absolute)
            let configuration: Configuration
            do {
                configuration = try Configuration.load { name in
                    name == "KMS_PKCS11_CONF" ? named ?? Environment.value(name) : Environment.value(name)
                }
            } catch {
                let code = error.kind.exitCode
                if json {
                    Output.report(failure: error.description, name: error.kind.name, code: code)
                } else {
                    Output.note(error.description)
                }
                throw ExitCode(code)
            }
            let warnings = configuration.warnings + Self.warnings(of: configuration)
            try Output.show(Report(configuration, warnings), asJSON: json) { Self.text(configuration) }
            if !json { for warning in warnings { Output.note("warning: \(warning)") } }
        }

        private static func text(_ configuration: Configuration) -> String {
            var sections: [String] = []
            for (index, slot) in configuration.slots.enumerated() {
                sections.append("slot \(index + 1)\n" + rows(configuration.values.filter { $0.slot == slot.label }))
            }
            sections.append("[log]\n" + rows(configuration.values.filter { $0.slot == nil }))
            return "Read from \(configuration.source).\n\n" + sections.joined(separator: "\n\n")
        }

        private static func rows(_ values: [Configuration.Value]) -> String {
            var table = Table("KEY", "VALUE", "FROM")
            for value in values {
                // A certificate need not be read here.
                let text = value.text.count > 100 ? String(value.text.prefix(99)) + "…" : value.text
                table.add(value.key, text, value.origin)
            }
            return table.text(empty: "")
        }

        /// What the module notices only when it is at work.
        private static func warnings(of configuration: Configuration) -> [String] {
            var warnings: [String] = []
            for slot in configuration.slots where slot.endpoints.isEmpty {
                warnings.append(
                    "slot \"\(slot.label)\" has no endpoint, so its token is not present; set FORTANIX_API_ENDPOINT, or"
                        + " api_endpoint in the file")
            }
            if let file = configuration.log.file {
                let folder = file.path.lastIndex(of: "/").map { String(file.path[..<$0]) } ?? ""
                let target = access(file.path, F_OK) == 0 ? file.path : (folder.isEmpty ? "/" : folder)
                if access(target, W_OK) != 0 { warnings.append(unwritable(target, "the log file")) }
            }
            if let folder = configuration.log.countersDirectory, access(folder, W_OK | X_OK) != 0 {
                warnings.append(unwritable(folder, "the counters"))
            }
            return warnings
        }

        private static func unwritable(_ path: String, _ what: String) -> String {
            "\(what) cannot be written: \(path): \(String(cString: strerror(errno))); let the user of the program that uses"
                + " the module write there"
        }
    }
}

extension ConfigurationError.Kind {
    /// EX_CONFIG, EX_NOINPUT, EX_NOPERM of sysexits.h.
    fileprivate var exitCode: Int32 {
        switch self {
        case .invalid: 78
        case .unreadable: 66
        case .permission: 77
        }
    }

    fileprivate var name: String {
        switch self {
        case .invalid: "configuration"
        case .unreadable: "unreadable"
        case .permission: "permission"
        }
    }
}

private struct Report: Encodable {
    struct Value: Encodable {
        var slot: String?
        var key: String
        var value: String
        var from: String
    }

    var ok = true
    var source: String
    var values: [Value]
    var warnings: [String]

    init(_ configuration: Configuration, _ warnings: [String]) {
        source = configuration.source
        values = configuration.values.map { Value(slot: $0.slot, key: $0.key, value: $0.text, from: $0.origin) }
        self.warnings = warnings
    }
}

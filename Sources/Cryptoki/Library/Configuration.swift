internal import KMSConfiguration
package import KMSSupport
package import KMSTransport

/// What the module is told before it meets the KMS: slots, credentials, limits, log level.
///
/// Environment and files are read once, when `load` runs in the process that may read them; NGINX's workers see neither
/// `FORTANIX_API_ENDPOINT` nor files of root. `ConfigurationKeys` lists the keys of the file.
package struct Configuration: Sendable {
    /// One slot: a connection to one KMS under one credential.
    package struct Slot: Sendable {
        /// The token's label. The default is that of the vendor's module, so that existing pkcs11: URIs keep working.
        package var label: String = "Fortanix Token"
        /// A name of `BackendTable`.
        package var backend: String = "fortanix"
        /// Equivalent nodes, `https://host[:port][/path]` without a trailing slash. Empty: the token is not present.
        package var endpoints: [String] = []
        package var apiKey: Secret?
        /// PEM; nil: the system's.
        package var caCertificates: [UInt8]?
        /// PEM certificate (chain) and private key for mutual TLS.
        package var clientCertificate: [UInt8]?
        package var clientKey: Secret?
        /// UUID of the app that logs in with the client certificate.
        package var appID: String?
        /// How long a listing of objects is believed.
        package var cacheSeconds: Int = 60
        /// Total deadline of one C_ call.
        package var deadlineMilliseconds: Int = 10_000
        /// How long one of several endpoints may be silent before another one is asked.
        package var failoverMilliseconds: Int = 2_000
        package var endpointChoice = EndpointChoice.lastGood
        package var verifiedSignatures = VerifiedSignatures.rsa
        /// Keys that a session generates are made and held in this process instead of the KMS: faster, and in this
        /// machine's memory.
        package var hasLocalSessionKeys = false
        /// 0: no limit.
        package var maximumConcurrentRequests: Int = 0

        package init() {}
    }

    /// In the order of the file; never empty. The first is the default slot, which the environment describes.
    package var slots: [Slot] = [Slot()]
    package var logLevel: Log.Level = .warning
    /// The path of the file, or "environment".
    package var source: String = "environment"
    /// What is allowed but probably not meant, as `FILE:LINE: sentence`. Already logged.
    package var warnings: [String] = []

    package init() {}

    /// The files that are looked for when `KMS_PKCS11_CONF` names none: ours, then the vendor's.
    package static var defaultPaths: [String] { ["/etc/kms-pkcs11/kms-pkcs11.conf", "/etc/fortanix/pkcs11.conf"] }

    /// Reads file and environment. Variables: `KMS_PKCS11_CONF` names the file, `KMS_PKCS11_LOG` the log level;
    /// `FORTANIX_API_ENDPOINT` and `FORTANIX_API_KEY` override the file for the default slot. An empty variable counts
    /// as unset.
    package static func load(environment: (String) -> String?) throws(ConfigurationError) -> Configuration {
        func variable(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
        let path = variable("KMS_PKCS11_CONF") ?? defaultPaths.first(where: ConfigurationFile.exists)
        var configuration = Configuration()
        var slotsInFile: [ConfigurationSlot] = [ConfigurationSlot()]
        if let path {
            let file: ConfigurationFile
            do {
                file = try ConfigurationFile(path: path)
            } catch {
                throw ConfigurationError(
                    "\(path): cannot read the configuration file: \(error.reason); correct KMS_PKCS11_CONF or the file's"
                        + " permissions, or remove the file")
            }
            var reader = try ConfigurationReader(file)
            slotsInFile = try reader.slots()
            configuration.source = path
            configuration.logLevel = try reader.logLevel() ?? configuration.logLevel
            configuration.warnings = reader.warnings
        }
        if let name = variable("KMS_PKCS11_LOG") {
            guard let level = Log.Level(name: name) else {
                throw ConfigurationError("KMS_PKCS11_LOG: unknown level; use off, error, warn, info or debug")
            }
            configuration.logLevel = level
        }
        try override(&slotsInFile, with: variable)
        configuration.slots = []
        for slot in slotsInFile { configuration.slots.append(try slot.resolved(environment: variable)) }
        if configuration.logLevel.rawValue >= Log.Level.warning.rawValue {
            for warning in configuration.warnings { Log.warning(warning) }
        }
        return configuration
    }

    private static func override(
        _ slots: inout [ConfigurationSlot], with variable: (String) -> String?
    ) throws(ConfigurationError) {
        guard !slots.isEmpty else { return }
        if let address = variable("FORTANIX_API_ENDPOINT") {
            do {
                slots[0].slot.endpoints = [try EndpointURL(address).text]
            } catch {
                throw ConfigurationError("FORTANIX_API_ENDPOINT: \(error.reason)")
            }
        }
        if let key = variable("FORTANIX_API_KEY") {
            slots[0].credential = ConfigurationSlot.Credential(text: key, origin: "FORTANIX_API_KEY")
        }
    }
}

/// The configuration cannot be used. `FILE:LINE: what is wrong; remedy`, or the variable in the place of the file; never
/// a credential.
package struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

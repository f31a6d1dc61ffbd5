internal import KMSConfiguration
package import KMSSupport
package import KMSTransport

/// What the module is told before it meets the KMS: slots, credentials, trust, limits, log.
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
        package var tls = TLSOptions()
        package var proxy = ProxySettings()
        /// UUID of the app that logs in with the client certificate, when there is no API key.
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

        /// What logs in without a PIN: the API key, or nothing but the app's certificate.
        package var credential: Secret? { apiKey ?? appID.map { _ in Secret("") } }

        /// How to connect to these of the endpoints.
        package func transportOptions(
            _ endpoints: [String], counters: Counters = Counters(), log: LogSettings = LogSettings()
        ) -> TransportOptions {
            var options = TransportOptions(endpoints: endpoints)
            options.endpointChoice = endpointChoice
            options.failoverMilliseconds = failoverMilliseconds
            options.tls = tls
            options.proxy = proxy
            options.counters = counters
            options.slowMilliseconds = log.slowMilliseconds
            options.maximumRequests = maximumConcurrentRequests
            return options
        }
    }

    /// One key as it holds, for `kmsctl config check`.
    package struct Value: Sendable {
        /// The slot's label; nil: a key of `[log]`.
        package var slot: String?
        package var key: String
        /// As TOML, secrets hidden; or what holds without it, in words.
        package var text: String
        /// `FILE:LINE`, the variable, or `default`.
        package var origin: String
    }

    /// In the order of the file; never empty. The first is the default slot, which the environment describes.
    package var slots: [Slot] = [Slot()]
    package var log = LogSettings()
    /// The path of the file, or "environment".
    package var source: String = "environment"
    /// What is allowed but probably not meant, as `FILE:LINE: sentence`.
    package var warnings: [String] = []
    package var values: [Value] = []

    package init() {}

    /// The files that are looked for when `KMS_PKCS11_CONF` names none: ours, then the vendor's.
    package static var defaultPaths: [String] { ["/etc/kms-pkcs11/kms-pkcs11.conf", "/etc/fortanix/pkcs11.conf"] }

    /// Reads file and environment. Variables: `KMS_PKCS11_CONF` names the file, `KMS_PKCS11_LOG` the log level;
    /// `FORTANIX_API_ENDPOINT` and `FORTANIX_API_KEY` override the file for the default slot; `HTTPS_PROXY`, `ALL_PROXY`
    /// and `NO_PROXY`, also in lower case, hold where the file says nothing. An empty variable counts as unset.
    package static func load(environment: @escaping (String) -> String?) throws(ConfigurationError) -> Configuration {
        func variable(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
        var configuration = Configuration()
        var layers = ConfigurationLayers()
        if let path = variable("KMS_PKCS11_CONF") ?? defaultPaths.first(where: ConfigurationFile.exists) {
            let file: ConfigurationFile
            do throws(ConfigurationFile.Failure) {
                file = try ConfigurationFile(path: path)
            } catch {
                throw ConfigurationError(
                    "\(path): cannot read the configuration file: \(error.reason); correct KMS_PKCS11_CONF or the file's"
                        + " permissions, or remove the file", error.kind)
            }
            var reader = try ConfigurationReader(file)
            layers = try reader.layers()
            configuration.source = path
            configuration.warnings = reader.warnings
        }
        layers.override(with: variable)
        (configuration.slots, configuration.values) = try layers.slots(environment: variable)
        let log = try layers.logSettings()
        configuration.log = log.settings
        configuration.values += log.values
        return configuration
    }
}

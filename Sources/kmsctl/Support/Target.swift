import Cryptoki
import FoundationEssentials
import KMSTransport

/// Which KMS a command speaks to and whom it trusts, from options, environment, configuration file and last login.
struct Target {
    var endpoint: EndpointURL
    /// PEM; nil: the system's.
    var caCertificates: [UInt8]?
    var caFile: String?

    /// What the configuration file and the environment describe; nil: not read yet, or unusable.
    private var slots: [Configuration.Slot]?
    private var isConfigurationRead = false

    /// - Parameter session: the last login. Its address counts last; at that address its authority counts before the
    ///   configuration's, which may be for another KMS.
    init(_ options: ConnectionOptions, session: UserSession?) throws {
        let explicit =
            options.endpoint ?? Environment.value("KMSCTL_ENDPOINT") ?? Environment.value("FORTANIX_API_ENDPOINT")
        let caFile = options.caFile ?? Environment.value("KMSCTL_CA_FILE")
        // The file is read only when it decides something: it may be root's alone.
        if explicit == nil || caFile == nil {
            isConfigurationRead = true
            do {
                slots = try Self.load(Self.withoutCredential).slots
            } catch {
                guard explicit != nil || session != nil else { throw CommandFailure(.input, error.description) }
                Output.noteOnce("the configuration is not used: \(error.description)")
            }
        }
        guard let address = explicit ?? slots?.first?.endpoints.first ?? session?.endpoint else {
            throw CommandFailure(
                .input, "no address of a KMS is known",
                remedy: "Give --endpoint https://host:port or set KMSCTL_ENDPOINT.")
        }
        do {
            endpoint = try EndpointURL(address)
        } catch {
            throw CommandFailure(.input, "the address of the KMS is wrong: \(error.reason)")
        }
        if let caFile {
            self.caFile = Self.absolute(caFile)
            caCertificates = try Self.certificates(caFile)
        } else if let session, session.endpoint == endpoint.text, let file = session.caFile,
            let bytes = Self.certificates(ofLogin: file)
        {
            self.caFile = file
            caCertificates = bytes
        } else {
            caCertificates = Self.slot(of: endpoint, in: slots)?.tls.authorities
        }
    }

    private static func load(
        _ environment: @escaping (String) -> String?
    ) throws(ConfigurationError) -> Configuration {
        let configuration = try Configuration.load(environment: environment)
        for warning in configuration.warnings { Output.noteOnce(warning) }
        return configuration
    }

    /// The label of the token in which a PKCS#11 program finds this KMS.
    func tokenLabel() -> String {
        if let slot = Self.slot(of: endpoint, in: slots) { return slot.label }
        let standard = Configuration.Slot().label
        guard !isConfigurationRead else { return standard }
        do {
            let slots = try Configuration.load(environment: Self.withoutCredential).slots
            return Self.slot(of: endpoint, in: slots)?.label ?? standard
        } catch {
            Output.note("PKCS#11 URIs have the standard token label: \(error.description)")
            return standard
        }
    }

    /// The slot that uses the endpoint, else the default slot.
    private static func slot(of endpoint: EndpointURL, in slots: [Configuration.Slot]?) -> Configuration.Slot? {
        slots?.first { $0.endpoints.contains(endpoint.text) } ?? slots?.first
    }

    func transport() throws -> CurlTransport {
        var options = TransportOptions(endpoint: endpoint.text)
        options.tls.authorities = caCertificates
        do {
            return try CurlTransport(options)
        } catch {
            throw failure(error)
        }
    }

    /// No answer: which step failed, and what usually helps.
    func failure(_ error: TransportError) -> CommandFailure {
        CommandFailure(
            .unreachable, "cannot reach the KMS: \(error.message)",
            remedy: Remedy.of(
                error, at: endpoint, place: .commandLine, proxy: ProxySettings.fromEnvironment(),
                hasClientCertificate: false))
    }

    /// nil, and noted, when the file of a login is no longer there.
    private static func certificates(ofLogin path: String) -> [UInt8]? {
        do {
            return try certificates(path)
        } catch {
            if let failure = error as? CommandFailure { Output.note("of the last login: \(failure.message)") }
            return nil
        }
    }

    static func certificates(_ path: String) throws -> [UInt8] {
        let bytes = try InputFile.read(path, what: "the CA file", limit: 16 << 20).bytes
        guard
            String(decoding: bytes, as: UTF8.self).split(separator: "\n").contains(where: {
                $0.hasPrefix("-----BEGIN ")
            })
        else { throw CommandFailure(.input, "\(path) holds no PEM certificate", remedy: "Give the CA as PEM.") }
        return bytes
    }

    /// Where the KMS is does not depend on the configuration's credential, which may be out of reach.
    private static func withoutCredential(_ name: String) -> String? {
        name == "FORTANIX_API_KEY" ? "unused" : Environment.value(name)
    }

    static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}

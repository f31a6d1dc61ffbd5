import Cryptoki
import FoundationEssentials
import KMSTransport

/// Which KMS a command speaks to and whom it trusts, from options, environment, configuration file and last login.
struct Target {
    var endpoint: EndpointURL
    /// PEM; nil: the system's.
    var caCertificates: [UInt8]?
    var caFile: String?

    /// - Parameter session: the last login; its address and authority count last.
    init(_ options: ConnectionOptions, session: UserSession?) throws {
        let explicit =
            options.endpoint ?? Environment.value("KMSCTL_ENDPOINT") ?? Environment.value("FORTANIX_API_ENDPOINT")
        let caFile = options.caFile ?? Environment.value("KMSCTL_CA_FILE")
        // The file is read only when it decides something: it may be root's alone.
        var slot: Configuration.Slot?
        if explicit == nil || caFile == nil {
            do {
                slot = try Configuration.load(environment: Self.withoutCredential).slots.first
            } catch {
                guard explicit != nil || session != nil else { throw CommandFailure(.input, error.description) }
                Output.note("the configuration is not used: \(error.description)")
            }
        }
        guard let address = explicit ?? slot?.endpoints.first ?? session?.endpoint else {
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
        } else if let bytes = slot?.caCertificates {
            caCertificates = bytes
        } else if let session, session.endpoint == endpoint.text, let file = session.caFile {
            self.caFile = file
            caCertificates = try Self.certificates(file)
        }
    }

    func transport() throws -> CurlTransport {
        var options = TransportOptions(endpoint: endpoint.text)
        options.caCertificates = caCertificates
        do {
            return try CurlTransport(options)
        } catch {
            throw CommandFailure(error)
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

    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}

extension CommandFailure {
    /// No answer: which step failed, and what usually helps.
    init(_ error: TransportError) {
        let remedy: String?
        switch error.kind {
        // The transport's message says what to check.
        case .resolution, .connection: remedy = nil
        case .tls: remedy = "For kmsctl the KMS's certificate authority is --ca-file or KMSCTL_CA_FILE."
        case .timedOut: remedy = "Check network and load of the KMS, or give --timeout."
        case .interrupted, .protocolViolation: remedy = "Check that the address is that of a KMS."
        case .refused: remedy = "Check address, CA file and client certificate."
        }
        self.init(.unreachable, "cannot reach the KMS: \(error.message)", remedy: remedy)
    }
}

import ArgumentParser
import FoundationEssentials
import KMSModel
import KMSSupport
import OpenSSLCrypto

struct CertificateCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "cert", abstract: "Certificates.", subcommands: [Import.self])
    }

    struct Import: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Import an X.509 certificate; of a chain the first one, the server's own.")
        }

        @OptionGroup var options: ConnectionOptions
        @Argument(help: "Name of the new object.", transform: ObjectName.parse)
        var name: String
        @Option(help: ArgumentHelp("The certificate (- is standard input).", valueName: "pem-or-der"))
        var file: String
        @OptionGroup var management: ManagementOption
        @OptionGroup var object: ObjectOptions

        func run() throws {
            let (certificate, others) = try read()
            let client = try AdminClient.connect(options)
            defer { client.close() }
            var request = try object.request(name: name, client: client)
            request.objType = .certificate
            request.keyOps = management.adding(to: [.verify])
            request.value = Data(certificate.der)
            let view = KeyView(
                try client.send(
                    .put, "/crypto/v1/keys", body: request, doing: "importing \"\(name)\"", as: Sobject.self),
                token: client.tokenLabel)
            if others > 0 {
                Output.note(
                    "\(file) has \(others) more certificate\(others == 1 ? "" : "s"); only the first was imported."
                        + " With the PKCS#11 module NGINX reads the chain from its ssl_certificate file; for an agent,"
                        + " import each as an object of its own and give `kmsctl agent keyval --chain NAME`.")
            }
            try Output.show(view, asJSON: options.json) { view.text }
        }

        /// The first certificate and how many follow it.
        private func read() throws -> (Certificate, Int) {
            var bytes = try InputFile.read(file, what: "the certificate").bytes
            let secret = Secret(copying: &bytes)
            do {
                let context = try LibraryContext()
                let blocks = try PEM.blocks(secret, in: context)
                if blocks.isEmpty { return (try Certificate(der: secret.withBytes { Array($0) }, in: context), 0) }
                let contents = try ["CERTIFICATE", "X509 CERTIFICATE"].flatMap {
                    try PEM.contents(of: $0, secret, in: context)
                }
                if let first = contents.first { return (try Certificate(der: first, in: context), contents.count - 1) }
                let hint = blocks.contains { $0.label.hasSuffix("KEY") } ? "Use: kmsctl key import." : nil
                throw CommandFailure(
                    .input, "\(file) holds no certificate, only \(blocks.map(\.label).joined(separator: ", "))",
                    remedy: hint)
            } catch let error as CryptoError {
                throw CommandFailure(.input, "\(file): \(error)", remedy: "Give an X.509 certificate as PEM or DER.")
            }
        }
    }
}

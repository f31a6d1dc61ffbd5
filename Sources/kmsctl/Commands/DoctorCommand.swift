import ArgumentParser
import Cryptoki
import KMSSupport
import KMSTransport

struct DoctorCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "doctor", abstract: "Find out why the module does not sign.",
            discussion: """
                Walks the way of a signature with the module's own configuration and code: configuration, DNS, TCP or
                proxy, TLS and the certificate, clock, authentication, list, test signature; names the step that fails
                and its remedy. With counters_dir in the configuration it also shows what the processes that use the
                module have counted. Exit code 0 only when all pass; a warning (!) does not change it. Run it as the
                user, and with the environment, of the program that uses the module.
                """)
    }

    @OptionGroup var options: ConnectionOptions
    @Option(
        name: .customLong("key"),
        help: ArgumentHelp(
            "Sign with this key only; repeat for several. Default: every key that signs.", valueName: "name"))
    var keys: [String] = []
    @Option(help: ArgumentHelp("Only the slot with this token label.", valueName: "label"))
    var slot: String?

    func run() throws {
        let isUTF8 = Environment.isUTF8
        var diagnosis = Diagnosis(showsProgress: !options.json) { step in
            guard !options.json else { return }
            let name = step.step.rawValue
            let title = name + String(repeating: " ", count: 15 - name.count)
            let symbol = step.state.symbol(isUTF8: isUTF8)
            Output.print("\(symbol) \(title) \(Output.printable(step.detail))")
            if let remedy = step.remedy {
                Output.print(
                    String(repeating: " ", count: symbol.count + title.count + 2) + "-> " + Output.printable(remedy))
            }
        }
        walk(&diagnosis)
        if options.json { try Output.json(Result(diagnosis)) }
        if let code = diagnosis.failure { throw ExitCode(code.rawValue) }
        if !options.json { Output.print("All steps pass.") }
    }

    private func walk(_ diagnosis: inout Diagnosis) {
        let configuration = diagnosis.run(.configuration) { () throws(Diagnosis.Failure) in try readConfiguration() }
        guard let configuration else {
            for step in Diagnosis.Step.Name.usual.dropFirst() { diagnosis.skip(step, slot: nil, "not tried") }
            return
        }
        for slot in configuration.slots {
            let reached = slot.endpoints.compactMap { diagnosis.network($0, slot: slot) }
            guard let transport = reached.first else {
                diagnosis.skipToken([.authentication, .list, .signature], slot.label)
                continue
            }
            diagnosis.token(slot, transport: transport, keys: keys)
        }
        if let folder = configuration.log.countersDirectory { diagnosis.counters(folder) }
    }

    /// The module's configuration, with what the command line and kmsctl's own variables say about the default slot.
    private func readConfiguration() throws(Diagnosis.Failure) -> (Configuration, String) {
        var configuration: Configuration
        do {
            configuration = try Configuration.load(environment: Environment.value)
        } catch {
            throw Diagnosis.Failure(
                code: .input, detail: error.description,
                remedy: "Correct the configuration; kms-pkcs11.conf(5) explains every key.")
        }
        var notes = ["read from \(configuration.source)"]
        do {
            if let address = options.endpoint ?? Environment.value("KMSCTL_ENDPOINT") {
                configuration.slots[0].endpoints = [try EndpointURL(address).text]
                notes.append("endpoint \(configuration.slots[0].endpoints[0]) given to kmsctl")
            }
            if let file = options.caFile ?? Environment.value("KMSCTL_CA_FILE") {
                configuration.slots[0].tls.authorities = try Target.certificates(file)
                notes.append("CA \(file) given to kmsctl")
            }
            if let file = options.apiKeyFile {
                configuration.slots[0].apiKey = try APIKey.file(file)
                notes.append("API key \(file) given to kmsctl")
            }
        } catch let failure as EndpointURL.Failure {
            throw Diagnosis.Failure(code: .input, detail: "the endpoint is wrong: \(failure.reason)")
        } catch let failure as CommandFailure {
            throw Diagnosis.Failure(code: failure.code, detail: failure.message, remedy: failure.remedy)
        } catch {
            throw Diagnosis.Failure(code: .input, detail: "\(error)")
        }
        notes += configuration.warnings.map { "warning: \($0)" }
        configuration.slots = try chosen(configuration.slots)
        return (configuration, notes.joined(separator: "; "))
    }

    private func chosen(_ slots: [Configuration.Slot]) throws(Diagnosis.Failure) -> [Configuration.Slot] {
        let chosen = slots.filter { slot == nil || $0.label == slot }
        guard !chosen.isEmpty else {
            throw Diagnosis.Failure(
                code: .notFound, detail: "no slot has the label \"\(slot ?? "")\"",
                remedy: "Configured: \(slots.map(\.label).joined(separator: ", ")).")
        }
        if let empty = chosen.first(where: { $0.endpoints.isEmpty }) {
            throw Diagnosis.Failure(
                code: .input, detail: "slot \"\(empty.label)\" has no endpoint, so its token is not present",
                remedy: "Set FORTANIX_API_ENDPOINT, or api_endpoint in the configuration file.")
        }
        return chosen
    }
}

private struct Result: Encodable {
    var ok: Bool
    var exit_code: Int32
    var failed_step: Diagnosis.Step.Name?
    var steps: [Diagnosis.Step]

    init(_ diagnosis: Diagnosis) {
        ok = diagnosis.failure == nil
        exit_code = diagnosis.failure?.rawValue ?? 0
        failed_step = diagnosis.failedStep
        steps = diagnosis.steps
    }
}

extension Diagnosis.Step.State {
    fileprivate func symbol(isUTF8: Bool) -> String {
        switch self {
        case .ok: isUTF8 ? "✓" : "ok  "
        case .warning: isUTF8 ? "!" : "warn"
        case .failed: isUTF8 ? "✗" : "FAIL"
        case .skipped: isUTF8 ? "·" : "skip"
        }
    }
}

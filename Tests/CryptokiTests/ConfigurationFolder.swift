import Cryptoki
import Foundation

/// A folder for one test's files, removed with it.
final class ConfigurationFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "kms-pkcs11-configuration-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ text: String, to name: String = "kms-pkcs11.conf", mode: Int = 0o600) throws -> String {
        let file = path + "/" + name
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }

    func load(_ text: String, _ variables: [String: String] = [:]) throws -> Configuration {
        var variables = variables
        variables["KMS_PKCS11_CONF"] = try write(text)
        return try Configuration.load { variables[$0] }
    }

    /// The error's text, with the folder's path taken out.
    func failure(_ text: String, _ variables: [String: String] = [:]) throws -> String {
        do {
            _ = try load(text, variables)
            return "no error"
        } catch let error as ConfigurationError {
            return error.description.replacingOccurrences(of: path + "/", with: "")
        }
    }
}

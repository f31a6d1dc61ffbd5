import Cryptoki
import FoundationEssentials
import Glibc
import KMSConfiguration
import KMSSupport

/// What `kmsctl login` leaves for the commands after it: a bearer token, and where it is good.
struct UserSession: Codable {
    var endpoint: String
    /// Absolute path of the certificate authority that the login trusted.
    var caFile: String?
    var user: String
    var userID: String?
    var acctID: String
    var accessToken: String

    enum CodingKeys: String, CodingKey {
        case endpoint
        case caFile = "ca_file"
        case user
        case userID = "user_id"
        case acctID = "acct_id"
        case accessToken = "access_token"
    }

    /// `KMSCTL_SESSION`, else `~/.config/kmsctl/session.json`.
    static func path() throws -> String {
        if let path = Environment.value("KMSCTL_SESSION") { return path }
        guard let home = Environment.value("HOME") else {
            throw CommandFailure(
                .input, "there is no HOME to keep the login in", remedy: "Set KMSCTL_SESSION to a file.")
        }
        return home + "/.config/kmsctl/session.json"
    }

    /// nil when nobody has logged in.
    static func load() throws -> UserSession? {
        let path = try path()
        guard PrivateFile.exists(path) else { return nil }
        var bytes: [UInt8]
        do {
            bytes = try ConfigurationFile(path: path).bytes
        } catch {
            throw CommandFailure(
                .input, "cannot read the login \(path): \(error.reason)",
                remedy: "Check the path (KMSCTL_SESSION) and its permissions.")
        }
        defer { bytes.withUnsafeMutableBytes { Secret.wipe($0) } }
        warnAboutMode(path)
        guard let session = try? JSONDecoder().decode(UserSession.self, from: Data(bytes)) else {
            throw CommandFailure(
                .input, "\(path) is not a login of kmsctl", remedy: "Run `kmsctl login`, or remove it: `kmsctl logout`."
            )
        }
        return session
    }

    /// For commands that can do without: what cannot be read is noted, and counts as no login.
    static func loadIfUsable() -> UserSession? {
        guard (try? path()) != nil else { return nil }
        do {
            return try load()
        } catch {
            if let failure = error as? CommandFailure {
                Output.noteOnce("the last login is not used: \(failure.message)")
            }
            return nil
        }
    }

    /// Whoever reads the token is the user until it ends.
    private static func warnAboutMode(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & (S_IRGRP | S_IROTH) != 0 else { return }
        Output.noteOnce(
            "\(path) can be read by other users, and holds your login; chmod 600 it, then log out and in again")
    }

    func save() throws {
        let path = try Self.path()
        try PrivateFile.makeFolder(of: path)
        try PrivateFile.write(Array(try JSONEncoder().encode(self)), to: path)
    }

    /// - Returns: whether there was a file, and it is gone.
    @discardableResult
    static func remove() throws -> Bool { try PrivateFile.remove(try path()) }

    var authorization: Secret { Secret("Bearer " + accessToken) }
}

import FoundationEssentials
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
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let file = try InputFile.read(path, what: "the login")
        guard let session = try? JSONDecoder().decode(UserSession.self, from: Data(file.bytes)) else {
            throw CommandFailure(
                .input, "\(path) is not a login of kmsctl", remedy: "Remove it and run `kmsctl login`.")
        }
        return session
    }

    func save() throws {
        let path = try Self.path()
        try PrivateFile.makeFolder(of: path)
        try PrivateFile.write(Array(try JSONEncoder().encode(self)), to: path)
    }

    static func remove() throws {
        let path = try path()
        if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
    }

    var authorization: Secret { Secret("Bearer " + accessToken) }
}

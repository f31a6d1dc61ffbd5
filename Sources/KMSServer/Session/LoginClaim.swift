internal import GRDB

/// Who somebody who logs in claims to be.
enum LoginClaim: Sendable {
    /// Its id.
    case app(String)
    /// SHA-256 of the certificate that was shown.
    case certificate(String)
    /// The email, or what was typed in its place.
    case user(String)

    struct Owner: Sendable {
        var id: String
        var account: String
    }

    /// What the claims of one are slowed down by.
    var name: String {
        switch self {
        case .app(let name), .certificate(let name), .user(let name): name
        }
    }

    var actorType: String {
        switch self {
        case .app, .certificate: "App"
        case .user: "User"
        }
    }

    /// For the audit log when nobody is of that name. Emails are left out: people type passwords there.
    var recordedID: String? {
        switch self {
        case .app(let id): id
        case .certificate, .user: nil
        }
    }

    /// Whom the claim is about, if there is such an app or user.
    func owner(in db: Database) throws -> Owner? {
        switch self {
        case .app(let id): try AppStore.find(id: id, in: db).map { Owner(id: $0.id, account: $0.acctID) }
        case .certificate: nil
        case .user(let email): try UserStore.find(email: email, in: db).map { Owner(id: $0.id, account: $0.acctID) }
        }
    }
}

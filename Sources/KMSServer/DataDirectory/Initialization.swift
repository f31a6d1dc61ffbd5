internal import GRDB
internal import KMSModel
package import KMSSupport
internal import OpenSSLCrypto

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// `kmsd init`: a data directory with master key, account, first administrator and a CA of its own.
package struct Initialization: Sendable {
    package var directory: DataDirectory
    package var account = "default"
    package var adminEmail = "admin@localhost"
    /// nil: one is made.
    package var adminPassword: Secret?
    package var newMasterKey = NewMasterKey.file
    /// Where to write it instead of into the directory.
    package var masterKeyFile: String?
    /// Names and addresses in the server certificate; empty: those of this machine.
    package var hosts: [String] = []

    package init(directory: DataDirectory) { self.directory = directory }

    package struct Result: Sendable {
        /// Only when it was made here.
        package var generatedPassword: Secret?
        package var accountID: String
        package var hosts: [String]
    }

    package func run() throws -> Result {
        try check()
        let claim = try DirectoryClaim(directory)
        do {
            let result = try fill()
            try claim.finish()
            return result
        } catch let error as DatabaseError {
            claim.discard()
            throw StartError("cannot write the database \(directory.databaseFile): \(error.reason)", error.cause)
        } catch {
            claim.discard()
            throw error
        }
    }

    private func check() throws(StartError) {
        try directory.checkName()
        if let masterKeyFile { _ = try OutputFile.place(masterKeyFile, outsideOf: directory) }
        guard adminEmail.contains("@"), !adminEmail.contains(where: { $0.isWhitespace || $0 == ":" }) else {
            throw StartError("\"\(adminEmail)\" is not an e-mail address; write it as name@host", .usage)
        }
        if let adminPassword, adminPassword.count < 8 {
            throw StartError("the administrator's password is shorter than 8 characters; choose a longer one", .usage)
        }
        guard !adminEmail.unicodeScalars.contains(where: FieldRules.isDeceptive) else {
            throw StartError("the administrator's e-mail address contains a control character", .usage)
        }
        do throws(KMSError) {
            _ = try FieldRules.name(account)
        } catch {
            throw StartError("the name that --account gives is not possible: \(error.message)", .usage)
        }
        for host in hosts where host.isEmpty || host.contains(where: \.isWhitespace) {
            throw StartError("\"\(host)\" is not a host name or address", .usage)
        }
    }

    private func fill() throws -> Result {
        let context = try ProcessContext.get()
        let masterKey = try newMasterKey.key(in: context)
        let pool = try KMSDatabase.open(directory.databaseFile)
        // The directory is the owner's alone; the file says so, too, whatever the umask of the process.
        guard chmod(directory.databaseFile, 0o600) == 0 else {
            throw StartError(cannot: "make \(directory.databaseFile) private", errno)
        }

        let generated = adminPassword == nil ? Secret(Base64.urlEncode(try Random.bytes(18, in: context))) : nil
        let password = adminPassword ?? generated ?? Secret("")
        let account = Account(acctID: newID(), name: account, createdAt: .now)
        let user = UserRecord(
            id: newID(), acctID: account.acctID, email: adminEmail.lowercased(),
            passwordHash: try PasswordHash.make(password, in: context), createdAt: .now)
        let hosts = hosts.isEmpty ? ServerIdentity.defaultHosts : hosts
        let authority = try CertificateAuthority.make()
        let server = try authority.issue(for: hosts)
        try pool.write { db in
            let keys = try StoreKeys.make(masterKey, in: db)
            let engine = keys.engine
            try SettingStore.set(.hosts, Array(hosts.joined(separator: "\n").utf8), in: db)
            try TLSIdentityStore.set(.authority, try authority.identity.sealed(.authority, by: engine), in: db)
            try TLSIdentityStore.set(.server, try server.sealed(.server, by: engine), in: db)
            try AccountStore.insert(account, in: db)
            try UserStore.insert(user, in: db)
            let message = "Account \(account.name.quoted) and administrator \(user.email.quoted) created"
            try keys.chain.append(
                [AuditEvent(.administrative, message, by: .user(Shared(user))).about(account.acctID)], in: db)
        }
        // Everything into the main file, so that the directory can be copied as it is.
        try pool.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
        try pool.close()
        try directory.write(Secret(try authority.identity.pem()), to: directory.authorityFile, mode: 0o644)
        if let text = try newMasterKey.text(of: masterKey, in: context) {
            try directory.write(text, to: masterKeyFile ?? directory.masterKeyFile, mode: 0o600)
        }
        return Result(generatedPassword: generated, accountID: account.acctID, hosts: hosts)
    }
}

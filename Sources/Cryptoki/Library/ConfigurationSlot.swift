/// A slot while it is read: what it inherits from the top level comes first, what the environment overrides last, and
/// the credential is fetched only then, so that a variable spares the file.
struct ConfigurationSlot {
    struct Credential {
        var text: String
        /// `FILE:LINE: api_key` or the variable, for errors.
        var origin: String
    }

    var slot = Configuration.Slot()
    var credential: Credential?
    /// Where the slot is described, for errors.
    var origin = ""

    func resolved(environment: (String) -> String?) throws(ConfigurationError) -> Configuration.Slot {
        var slot = slot
        if let credential {
            do {
                slot.apiKey = try CredentialSource.resolve(credential.text, environment: environment)
            } catch {
                throw ConfigurationError("\(credential.origin): \(error.description)")
            }
        }
        return slot
    }
}

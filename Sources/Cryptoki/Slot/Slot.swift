internal import CPKCS11
internal import KMSBackend
internal import KMSSupport
internal import KMSTransport
internal import OpenSSLCrypto

/// A configured connection. It holds a token when it names an endpoint.
struct Slot: Sendable {
    let id: CK_SLOT_ID
    let label: String
    let endpoint: String?
    let token: Token?
    /// Whether the KMS was there when C_WaitForSlotEvent last looked. Nothing else changes it: an operation that fails
    /// must not make a host drop the slot.
    let presence = Locked(true)
    let counters = Counters()

    var isTokenPresent: Bool { token != nil && presence.withLock { $0 } }

    /// - Throws: CKR_GENERAL_ERROR for a configuration that cannot work, after a line in the log.
    init(
        id: CK_SLOT_ID, settings: Configuration.Slot, log: LogSettings, context: LibraryContext
    ) throws(CKError) {
        self.id = id
        label = settings.label
        endpoint = settings.endpoints.first
        guard let endpoint else {
            Log.warning(
                "slot \(id) has no endpoint, so its token is not present: set FORTANIX_API_ENDPOINT, or api_endpoint in"
                    + " the configuration file")
            token = nil
            return
        }
        let options = settings.transportOptions(settings.endpoints, counters: counters, log: log)
        let transport: CurlTransport
        do throws(TransportError) {
            transport = try CurlTransport(options)
        } catch {
            Log.error("slot \(id): \(error.message)")
            throw CKError(CKR_GENERAL_ERROR)
        }
        guard let backend = BackendTable.make(settings.backend, transport: transport, appID: settings.appID)
        else {
            Log.error(
                "slot \(id): there is no backend \"\(settings.backend)\"; known: "
                    + BackendTable.names.joined(separator: ", "))
            throw CKError(CKR_GENERAL_ERROR)
        }
        token = Token(slotID: id, settings: settings, endpoint: endpoint, backend: backend, context: context)
    }

    var info: CK_SLOT_INFO {
        var info = CK_SLOT_INFO()
        fill(&info.slotDescription, with: endpoint ?? "no endpoint configured")
        fill(&info.manufacturerID, with: Product.manufacturer)
        info.flags = CKF_REMOVABLE_DEVICE | CKF_HW_SLOT | (isTokenPresent ? CKF_TOKEN_PRESENT : 0)
        info.hardwareVersion = CK_VERSION(major: 0, minor: 0)
        info.firmwareVersion = Product.version
        return info
    }
}

internal import KMSModel

extension KeyQuery {
    /// The query string of GET /crypto/v1/keys. Unknown parameters are ignored.
    init(_ parameters: Query, _ principal: Principal) throws(KMSError) {
        self.init(account: principal.acctID, groups: principal.groups)
        name = parameters.text("name")
        label = parameters.text("pkcs11_label")
        creator = parameters.text("creator")?.lowercased()
        filter = try parameters.text("filter").map { text throws(KMSError) in try KeyFilter(text) }
        showsDestroyed = try parameters.flag("show_destroyed")
        groupID = parameters.text("group_id")?.lowercased()
        objType = try parameters.value("obj_type", as: ObjectType.self)
        (limit, offset) = try parameters.page()
        start = parameters.text("start")
        if let text = parameters.text("sort") { try setSort(text) }
        for (name, value) in parameters.items {
            if name.hasPrefix("custom_metadata.") { customMetadata[String(name.dropFirst(16))] = value }
        }
        if let text = parameters.text("pkcs11_id") {
            guard let id = Base64.decode(text) else {
                throw .badRequest("Query parameter \"pkcs11_id\" must be base64")
            }
            customMetadata[PercentCoding.metadataKey] = PercentCoding.encode(id)
        }
    }

    private mutating func setSort(_ text: String) throws(KMSError) {
        let parts = text.lowercased().split(separator: ":")
        switch parts.first {
        case "kid": sort = .kid
        case "name": sort = .name
        default: throw .badRequest("Query parameter \"sort\" must be kid or name, with :asc or :desc")
        }
        switch parts.dropFirst().first {
        case nil, "asc": isDescending = false
        case "desc": isDescending = true
        default: throw .badRequest("Query parameter \"sort\" must be kid or name, with :asc or :desc")
        }
    }
}

package import KMSModel

/// Who may see, change and run plugins, and which objects a plugin reaches.
extension Policy {
    /// Users see all plugins of their account, apps those that share a group with them.
    package static func isVisible(_ plugin: Plugin, to principal: Principal) -> Bool {
        guard plugin.acctID == principal.acctID else { return false }
        guard let groups = principal.groups else { return true }
        return plugin.groups.contains(where: groups.contains)
    }

    /// - Throws: 404 when the plugin is not visible, 403 when it is switched off.
    package static func check(_ principal: Principal, mayRun plugin: Plugin) throws(KMSError) {
        guard isVisible(plugin, to: principal) else { throw .noSuchPlugin }
        guard plugin.enabled else {
            throw .forbidden("Requested operation is not allowed: the plugin is disabled; an administrator enables it")
        }
    }

    /// A plugin reaches the objects of its groups only. What the caller may do with them is checked besides, so nobody
    /// gains rights by way of a plugin. A transient key is in no group and its caller's own.
    package static func check(_ plugin: Plugin, reaches object: Sobject) throws(KMSError) {
        guard object.kid != nil else { return }
        guard let group = object.groupID, plugin.groups.contains(group) else {
            throw KMSError.forbidden(
                "Requested operation is not allowed: the plugin is not in the group of \(object.quotedLabel); "
                    + "an administrator can add the group to the plugin"
            ).about(object)
        }
    }
}

extension KMSError {
    package static var noSuchPlugin: KMSError { notFound("plugin does not exist") }
}

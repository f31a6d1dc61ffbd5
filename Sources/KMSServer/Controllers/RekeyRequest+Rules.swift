internal import KMSModel

extension RekeyRequest {
    /// The request for the object that takes the place of `old`: like it, but for what this one says and may say.
    func replacement(of old: Sobject) throws(KMSError) -> SobjectRequest {
        var request = object
        guard object.objType == nil || object.objType == old.objType else {
            throw .badRequest("Field \"obj_type\": rotation does not change the type, which is \(old.objType.rawValue)")
        }
        guard object.groupID == nil || object.groupID?.lowercased() == old.groupID else {
            throw .badRequest("Field \"group_id\": rotation leaves the object in its group; move it with PATCH")
        }
        guard object.transient != true else { throw .badRequest("Field \"transient\": a stored object is rotated") }
        request.objType = old.objType
        if object.value == nil {
            request.keySize = object.keySize ?? old.keySize
            request.ellipticCurve = object.ellipticCurve ?? old.ellipticCurve
            request.pubExponent = object.pubExponent ?? object.rsa?.publicExponent ?? old.rsa?.publicExponent
            guard !old.publicOnly else {
                throw .badRequest("Field \"value\" is needed: a public key or certificate cannot be generated")
            }
        }
        return request
    }
}

extension Sobject {
    /// The name of a rotated object.
    ///
    /// - Parameter attempt: more than 1 when a key was rotated before within the same second.
    func rotatedName(at time: Timestamp, attempt: Int) -> String {
        (name ?? "") + " (rotated at \(time)" + (attempt > 1 ? ", \(attempt))" : ")")
    }
}

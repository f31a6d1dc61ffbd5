internal import FoundationEssentials
internal import GRDB
internal import KMSModel
internal import KMSSupport
internal import OpenSSLCrypto

/// Security objects: each value opens, and is what its attributes say.
struct ObjectCheck {
    let engine: CryptoEngine
    let findings: Findings

    /// - Returns: how many there are.
    func run(in db: Database) throws -> Int {
        var count = 0
        let rows = try Row.fetchCursor(db, sql: "SELECT * FROM sobject ORDER BY kid")
        while let row = try rows.next() {
            count += 1
            let label = "object \(row["kid"] as String) \((row["name"] as String).quoted)"
            guard let record = try? KeyStore.record(row) else {
                findings.add("\(label): its attributes cannot be read")
                continue
            }
            for complaint in complaints(record, row) { findings.add("\(label): \(complaint)") }
        }
        return count
    }

    private func complaints(_ record: KeyRecord, _ row: Row) -> [String] {
        let object = record.object
        let columns: [(String, String?)] = [
            ("kid", object.kid), ("name", object.name), ("group_id", object.groupID), ("acct_id", object.acctID),
            ("obj_type", object.objType.rawValue),
        ]
        let contradictions = columns.filter { (row[$0.0] as String) != $0.1 }.map(\.0)
        guard contradictions.isEmpty else {
            return ["its attributes contradict its row: \(contradictions.joined(separator: ", "))"]
        }
        guard let box = record.sealedValue else { return value(of: object).map { [$0] } ?? [] }
        guard let secret = try? engine.open(box, as: .object(kid: record.kid, type: object.objType)) else {
            return ["its value does not open under the master key"]
        }
        do {
            return try differences(object, secret)
        } catch {
            return ["its value is no \(object.objType.rawValue) object: \(error)"]
        }
    }

    /// What is wrong with an object without sealed value.
    private func value(of object: Sobject) -> String? {
        if object.state == .destroyed { return nil }
        if object.objType == .certificate {
            guard let der = object.value, let certificate = try? Certificate(der: Array(der), in: engine.context) else {
                return "its value is no certificate"
            }
            let isSame = object.pubKey.map(Array.init) == certificate.subjectPublicKeyInfo
            return isSame ? nil : "its public key is not the certificate's"
        }
        guard object.objType.isAsymmetric, object.publicOnly else { return "its value is missing" }
        guard let info = object.pubKey,
            let kind = try? PublicKey(subjectPublicKeyInfo: Array(info), in: engine.context).kind()
        else { return "its public key cannot be read" }
        return kind.objectType == object.objType ? nil : "its public key is of another type"
    }

    private func differences(_ object: Sobject, _ secret: Secret) throws -> [String] {
        let material =
            object.objType.isAsymmetric
            ? try KeyMaterial(PrivateKey(der: secret, in: engine.context))
            : try KeyMaterial(raw: secret, type: object.objType, in: engine.context)
        var differences: [String] = []
        if material.type != object.objType { differences.append("its value is of type \(material.type.rawValue)") }
        if material.bits != object.keySize {
            differences.append("its value has \(material.bits ?? 0) bits, and key_size is \(object.keySize ?? 0)")
        }
        if material.curve != object.ellipticCurve { differences.append("its value is on another curve") }
        if material.publicKey != object.pubKey.map(Array.init) {
            differences.append("its public key is not that of its private key")
        }
        if let kcv = object.kcv, kcv != material.kcv { differences.append("its check value is not that of its value") }
        if object.publicOnly { differences.append("it has a private value, and public_only says otherwise") }
        return differences
    }
}

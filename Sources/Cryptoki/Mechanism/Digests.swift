internal import CPKCS11

/// SHA-1, SHA-2 and SHA-3 (mechanisms specification 2.20 to 2.27), in this process.
enum Digests: MechanismFamily {
    static var mechanisms: [Mechanism] {
        HashTable.rows.map { hash in
            var row = Mechanism(hash.digest, [])
            row.digest = .init(flag: CKF_DIGEST, needs: [], make: hash.hash)
            return row
        }
    }
}

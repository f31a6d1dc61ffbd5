internal import CPKCS11
internal import KMSBackend
internal import KMSModel

/// Generation of keys and key pairs, all at the KMS. Of a pair the draft is that of the public key.
enum KeyGeneration: MechanismFamily {
    static var mechanisms: [Mechanism] {
        var rsa = Mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, [CKK_RSA], KeySizes.rsa, .bits)
        let makeRSA: Mechanism.MakeKey = { request, draft throws(CKError) in
            try request.requireNoParameter()
            return try self.rsa(draft)
        }
        rsa.generate = .init(flag: CKF_GENERATE_KEY_PAIR, needs: .generateRSA, make: makeRSA)
        return [
            rsa,
            curve(CKM_EC_KEY_PAIR_GEN, CKK_EC, KeySizes.ec, ECDSA.traits, needs: .generateEC),
            curve(
                CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, KeySizes.edwards,
                CKF_EC_F_P | CKF_EC_OID | CKF_EC_CURVENAME,
                needs: .generateEdwards),
            curve(
                CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKK_EC_MONTGOMERY, KeySizes.edwards,
                CKF_EC_F_P | CKF_EC_OID | CKF_EC_CURVENAME, needs: .generateMontgomery),
            secret(CKM_AES_KEY_GEN, CKK_AES, 16...32, .bytes, needs: .generateAES),
            secret(CKM_DES2_KEY_GEN, CKK_DES2, 0...0, .none, needs: .generateDES3),
            secret(CKM_DES3_KEY_GEN, CKK_DES3, 0...0, .none, needs: .generateDES3),
            secret(CKM_HKDF_KEY_GEN, CKK_HKDF, 1...1_024, .bytes, needs: [.generateSecret, .deriveHKDF]),
            secret(CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 8...8_192, .bits, needs: .generateSecret),
        ]
            + HashTable.rows.map {
                secret($0.keyGeneration, $0.keyType, 1...1_024, .bytes, needs: .generateSecret)
            }
    }

    private static func rsa(_ draft: ObjectDraft) throws(CKError) -> KeySpecification {
        guard let bits = draft.number(CKA_MODULUS_BITS).flatMap({ Int(exactly: $0) }), KeySizes.rsa.contains(bits)
        else {
            throw CKError(CKR_KEY_SIZE_RANGE)
        }
        let digits = (draft[CKA_PUBLIC_EXPONENT] ?? [1, 0, 1]).drop { $0 == 0 }
        guard (1...4).contains(digits.count) else { throw CKError(CKR_ATTRIBUTE_VALUE_INVALID) }
        let exponent = digits.reduce(0) { $0 << 8 | Int($1) }
        guard exponent >= 3, exponent % 2 == 1 else { throw CKError(CKR_ATTRIBUTE_VALUE_INVALID) }
        var specification = KeySpecification(name: nil, type: .rsa, operations: [])
        specification.bits = bits
        specification.publicExponent = exponent
        return specification
    }

    private static func curve(
        _ type: CK_MECHANISM_TYPE, _ keyType: CK_KEY_TYPE, _ sizes: ClosedRange<Int>, _ traits: CK_FLAGS,
        needs: Capabilities
    ) -> Mechanism {
        var row = Mechanism(type, [keyType], sizes, .bits)
        row.traits = traits
        let make: Mechanism.MakeKey = { request, draft throws(CKError) in
            try request.requireNoParameter()
            let curve = try draft.curve()
            var specification = KeySpecification(name: nil, type: .ec, operations: [])
            specification.curve = curve
            return specification
        }
        row.generate = .init(flag: CKF_GENERATE_KEY_PAIR, needs: needs, make: make)
        return row
    }

    private static func secret(
        _ type: CK_MECHANISM_TYPE, _ keyType: CK_KEY_TYPE, _ sizes: ClosedRange<Int>, _ unit: Mechanism.SizeUnit,
        needs: Capabilities
    ) -> Mechanism {
        var row = Mechanism(type, [keyType], sizes, unit)
        let make: Mechanism.MakeKey = { request, draft throws(CKError) in
            try request.requireNoParameter()
            guard let kind = SecretKeyType.of(keyType),
                let length = kind.fixedLength ?? draft.number(CKA_VALUE_LEN).flatMap({ Int(exactly: $0) }),
                kind.accepts(length: length)
            else { throw CKError(CKR_KEY_SIZE_RANGE) }
            var specification = KeySpecification(name: nil, type: kind.type, operations: [])
            specification.bits = length * 8
            return specification
        }
        row.generate = .init(flag: CKF_GENERATE, needs: needs, make: make)
        return row
    }
}

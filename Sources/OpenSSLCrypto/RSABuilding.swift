internal import COpenSSL
internal import KMSModel
internal import KMSSupport

/// An RSA key from the numbers that somebody gave.
enum RSABuilding {
    /// - Returns: a key that the caller owns and still has to check.
    static func key(_ numbers: PrivateKey.RSA, in context: LibraryContext) throws(CryptoError) -> OpaquePointer {
        let modulus = try BigNumber(numbers.modulus)
        let publicExponent = try BigNumber(numbers.publicExponent)
        let privateExponent = try BigNumber(numbers.privateExponent)
        guard modulus.length >= 64, modulus.length <= 2_048, !publicExponent.isZero, publicExponent.length <= 4,
            !privateExponent.isZero, privateExponent.length <= modulus.length
        else {
            throw CryptoError(
                "an RSA key needs a modulus of 512 to 16384 bits, an exponent of at most 32 bits and a private one")
        }
        let parameters = Parameters()
            .add(OSSL_PKEY_PARAM_RSA_N, number: modulus).add(OSSL_PKEY_PARAM_RSA_E, number: publicExponent)
            .add(OSSL_PKEY_PARAM_RSA_D, number: privateExponent, width: modulus.length)
        try context.asDefault { () throws(CryptoError) in
            try addPrimes(numbers, modulus: modulus, privateExponent: privateExponent, to: parameters)
        }
        guard let key = KeyBuilding.key(ProviderName.rsa, .keyPair, parameters, in: context) else {
            throw CryptoError("OpenSSL does not take these numbers for an RSA key")
        }
        return key
    }

    /// OpenSSL takes all five numbers or none; what was not given follows from the rest.
    private static func addPrimes(
        _ numbers: PrivateKey.RSA, modulus: BigNumber, privateExponent: BigNumber, to parameters: Parameters
    ) throws(CryptoError) {
        guard numbers.prime1 != nil || numbers.prime2 != nil else {
            guard numbers.exponent1 == nil, numbers.exponent2 == nil, numbers.coefficient == nil else {
                throw CryptoError("an RSA key without primes cannot have their exponents or coefficient")
            }
            return
        }
        let arithmetic = try Arithmetic()
        let prime1 = try number(numbers.prime1) { () throws(CryptoError) in
            try arithmetic.divide(modulus, by: BigNumber(numbers.prime2 ?? Secret("")))
        }
        let prime2 = try number(numbers.prime2) { () throws(CryptoError) in
            try arithmetic.divide(modulus, by: prime1)
        }
        let exponent1 = try number(numbers.exponent1) { () throws(CryptoError) in
            try arithmetic.remainder(privateExponent, prime: prime1)
        }
        let exponent2 = try number(numbers.exponent2) { () throws(CryptoError) in
            try arithmetic.remainder(privateExponent, prime: prime2)
        }
        let coefficient = try number(numbers.coefficient) { () throws(CryptoError) in
            try arithmetic.inverse(prime2, modulo: prime1)
        }
        parameters.add(COPENSSL_RSA_FACTOR1, number: prime1)
            .add(COPENSSL_RSA_FACTOR2, number: prime2)
            .add(COPENSSL_RSA_EXPONENT1, number: exponent1)
            .add(COPENSSL_RSA_EXPONENT2, number: exponent2)
            .add(COPENSSL_RSA_COEFFICIENT1, number: coefficient)
    }

    private static func number(
        _ given: Secret?, else compute: () throws(CryptoError) -> BigNumber
    ) throws(CryptoError) -> BigNumber {
        guard let given else { return try compute() }
        let number = try BigNumber(given)
        guard !number.isZero else { throw CryptoError("a number of the RSA key is zero") }
        return number
    }
}

/// OpenSSL's arithmetic with its scratch memory.
private final class Arithmetic {
    private let scratch: OpaquePointer

    init() throws(CryptoError) {
        guard let scratch = BN_CTX_secure_new() else { throw CryptoError("out of memory") }
        self.scratch = scratch
    }

    deinit { BN_CTX_free(scratch) }

    /// The other factor.
    func divide(_ number: BigNumber, by factor: BigNumber) throws(CryptoError) -> BigNumber {
        let quotient = try BigNumber()
        let remainder = try BigNumber()
        guard BN_div(quotient.pointer, remainder.pointer, number.pointer, factor.pointer, scratch) == 1,
            remainder.isZero
        else { throw CryptoError("the prime does not divide the modulus") }
        return quotient
    }

    /// Modulo prime - 1.
    func remainder(_ number: BigNumber, prime: BigNumber) throws(CryptoError) -> BigNumber {
        let order = try BigNumber()
        let remainder = try BigNumber()
        guard BN_sub(order.pointer, prime.pointer, BN_value_one()) == 1,
            BN_div(nil, remainder.pointer, number.pointer, order.pointer, scratch) == 1
        else { throw CryptoError("a prime of the RSA key is no prime") }
        return remainder
    }

    func inverse(_ number: BigNumber, modulo prime: BigNumber) throws(CryptoError) -> BigNumber {
        let inverse = try BigNumber()
        guard BN_mod_inverse(inverse.pointer, number.pointer, prime.pointer, scratch) != nil else {
            throw CryptoError("the primes of the RSA key do not fit together")
        }
        return inverse
    }
}

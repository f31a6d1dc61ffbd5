package import FoundationEssentials

/// POST /crypto/v1/keys/key_attestation.
package struct KeyAttestationRequest: Codable, Sendable {
    package var key: SobjectDescriptor

    package init(key: SobjectDescriptor) { self.key = key }
}

package struct KeyAttestationResponse: Codable, Sendable {
    package struct Statement: Codable, Sendable {
        package var format: String
        /// DER of a certificate.
        package var statement: Data

        package init(x509 statement: Data) {
            format = "x509_certificate"
            self.statement = statement
        }
    }

    /// DER; from the certificate that signed the statement up to the root.
    package var authorityChain: [Data]
    package var attestationStatement: Statement

    package enum CodingKeys: String, CodingKey {
        case authorityChain = "authority_chain"
        case attestationStatement = "attestation_statement"
    }

    package init(authorityChain: [Data], attestationStatement: Statement) {
        self.authorityChain = authorityChain
        self.attestationStatement = attestationStatement
    }
}

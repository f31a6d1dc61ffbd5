internal import SwiftASN1

extension ASN1ObjectIdentifier {
    /// A dotted object identifier out of a request.
    ///
    /// The library's own reading traps when the first two numbers are too large for it, and so does its writing with
    /// other large ones. Numbers of 32 bits are as large as those in use.
    ///
    /// - Returns: nil for what is no identifier, also when its first two numbers are none that X.660 has.
    init?(untrusted text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in
            part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt32(part).map(UInt.init) : nil
        }
        guard text.utf8.count <= 128, parts.count >= 2, numbers.count == parts.count,
            numbers[0] < 2 && numbers[1] < 40 || numbers[0] == 2,
            let identifier = try? ASN1ObjectIdentifier(elements: numbers)
        else { return nil }
        self = identifier
    }
}

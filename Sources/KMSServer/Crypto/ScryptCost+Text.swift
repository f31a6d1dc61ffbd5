internal import OpenSSLCrypto

extension KeyDerivation.ScryptCost {
    /// `ln=15,r=8,p=1`.
    var text: String { "ln=\(logN),r=\(r),p=\(p)" }

    init?(text: some StringProtocol) {
        var numbers: [String: Int] = [:]
        for field in text.split(separator: ",") {
            let parts = field.split(separator: "=")
            guard parts.count == 2, let number = Int(parts[1]) else { return nil }
            numbers[String(parts[0])] = number
        }
        guard let logN = numbers["ln"], let r = numbers["r"], let p = numbers["p"] else { return nil }
        self.init(logN: logN, r: r, p: p)
    }
}

/// Prometheus' text format, version 0.0.4.
package struct Exposition {
    package typealias Labels = KeyValuePairs<String, String>

    package enum Kind: String {
        case counter, gauge, histogram
    }

    package private(set) var text = ""

    package init() {}

    /// One family of one sample.
    package mutating func add(
        _ name: String, _ kind: Kind, _ help: String, _ value: some Numeric, _ labels: Labels = [:]
    ) {
        begin(name, kind, help)
        sample(name, labels, "\(value)")
    }

    /// One family; `samples` in the order in which they shall stand there.
    package mutating func add(
        _ name: String, _ kind: Kind, _ help: String, samples: [(labels: Labels, value: UInt64)]
    ) {
        begin(name, kind, help)
        for entry in samples { sample(name, entry.labels, "\(entry.value)") }
    }

    /// - Parameter scale: how many of the histogram's units make one of the exposed.
    package mutating func add(_ name: String, _ help: String, _ histogram: Histogram, scale: Double = 1) {
        begin(name, .histogram, help)
        let counts = histogram.cumulative
        for (bound, count) in zip(histogram.bounds, counts) {
            sample(name + "_bucket", ["le": number(Double(bound) / scale)], "\(count)")
        }
        let all = counts.last ?? 0
        sample(name + "_bucket", ["le": "+Inf"], "\(all)")
        sample(name + "_sum", [:], number(Double(histogram.sum) / scale))
        sample(name + "_count", [:], "\(all)")
    }

    private mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    private mutating func sample(_ name: String, _ labels: Labels, _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.key)=\"\(escaped($0.value))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    private func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }

    private func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
    }
}

/// Aligned columns for people.
struct Table {
    private var rows: [[String]]

    init(_ header: String...) { rows = [header] }

    mutating func add(_ cells: String?...) { rows.append(cells.map { Output.printable($0 ?? "-") }) }

    /// - Parameter empty: what to say instead of a table without rows.
    func text(empty: String) -> String {
        guard rows.count > 1 else { return empty }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (cell, width) in zip(row, widths) {
                line += cell + String(repeating: " ", count: width - cell.count + 2)
            }
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }

    /// `name  value` lines; nil values are left out.
    static func list(_ rows: [(String, String?)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        return rows.compactMap { name, value in
            value.map { name + String(repeating: " ", count: width - name.count + 2) + Output.printable($0) }
        }.joined(separator: "\n")
    }
}

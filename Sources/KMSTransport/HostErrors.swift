internal import COpenSSL

/// What the host has in OpenSSL's error queue of this thread. libcurl empties the queue whenever it likes, marks included,
/// so that marking and popping is not enough.
struct HostErrors {
    private struct Entry {
        var code: UInt
        var file: String
        var line: Int32
        var function: String
        var data: String
    }

    private var entries: [Entry] = []

    /// Takes the errors out of the queue; usually there are none.
    init() {
        var file: UnsafePointer<CChar>?
        var function: UnsafePointer<CChar>?
        var data: UnsafePointer<CChar>?
        var line: Int32 = 0
        var flags: Int32 = 0
        while true {
            let code = ERR_get_error_all(&file, &line, &function, &data, &flags)
            guard code != 0 else { return }
            let text = flags & ERR_TXT_STRING != 0 ? HostErrors.text(data) : ""
            entries.append(
                Entry(
                    code: code, file: HostErrors.text(file), line: line, function: HostErrors.text(function),
                    data: text))
        }
    }

    /// Puts them back in the place of what is there now, with the mark that the C_ function's frame has set.
    func restore() {
        ERR_clear_error()
        guard !entries.isEmpty else { return }
        for entry in entries {
            COpenSSL_put_error(entry.code, entry.file, entry.line, entry.function, entry.data)
        }
        ERR_set_mark()
    }

    private static func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }
}

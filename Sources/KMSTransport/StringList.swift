internal import CCurl

/// Strings as libcurl wants them for the life of a handle.
final class StringList: @unchecked Sendable {
    // @unchecked: never changed after init.
    let pointer: UnsafeMutablePointer<curl_slist>

    init(_ strings: [String]) throws(TransportError) {
        var list: UnsafeMutablePointer<curl_slist>?
        for string in strings {
            guard let longer = curl_slist_append(list, string) else {
                curl_slist_free_all(list)
                list = nil
                break
            }
            list = longer
        }
        guard let list else {
            throw TransportError(.refused, "libcurl takes no list: out of memory", wasNeverSent: true)
        }
        pointer = list
    }

    deinit { curl_slist_free_all(pointer) }
}

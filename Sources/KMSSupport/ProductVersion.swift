/// The version of module, kmsd and kmsctl.
package enum ProductVersion {
    package static var major: UInt8 { 0 }
    package static var minor: UInt8 { 1 }
    package static var patch: UInt8 { 0 }
    package static var text: String { "\(major).\(minor).\(patch)" }
}

// swift-tools-version: 6.1
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
]

/// The shell of the module carries every link flag, so that tests, server and command line tool link normally.
///
/// `-static-stdlib`: SwiftPM ignores `--static-swift-stdlib` for dynamic products (swift-package-manager#8198); drop the
/// flag when that is fixed. `bfd`: the default linker leaves some of Swift's metadata symbols global in spite of the
/// version script. `-Bsymbolic`: a host that exports C_* functions of its own must not intercept ours.
/// `nodelete`: the Swift runtime cannot be unloaded. `defs`: a missing archive fails the link instead of dlopen.
let moduleLinkerSettings: [LinkerSetting] = [
    .unsafeFlags([
        "-static-stdlib", "-use-ld=bfd",
        "-Xlinker", "--version-script=\(Context.packageDirectory)/Include/exports.map",
        "-Xlinker", "-Bsymbolic",
        "-Xlinker", "--gc-sections",
        "-Xlinker", "-z", "-Xlinker", "defs",
        "-Xlinker", "-z", "-Xlinker", "nodelete",
    ]),
    .linkedLibrary("_FoundationCShims"),
    .linkedLibrary("_FoundationCollections"),
    .linkedLibrary("swiftSynchronization"),
]

/// kmsd and kmsctl run on machines without Swift, as the module does. The archives behind Foundation are not found
/// automatically in a static link.
let programLinkerSettings: [LinkerSetting] = [
    .unsafeFlags(["-static-stdlib"]),
    .linkedLibrary("CoreFoundation"),
    .linkedLibrary("_FoundationICU"),
    .linkedLibrary("_FoundationCShims"),
    .linkedLibrary("_FoundationCollections"),
    .linkedLibrary("swiftSynchronization"),
]

/// The C host programs of Tests/Integration, linked with Cryptoki itself instead of the .so, for the sanitizer that
/// KMS_PKCS11_SANITIZE names.
let sanitizer = Context.environment["KMS_PKCS11_SANITIZE"]
let hostSettings: [CSetting] = [.headerSearchPath("../../../Include"), .define("STATIC_MODULE")]
let hostPrograms: [Target] = [
    .target(
        name: "HostSupport", dependencies: ["COpenSSL"], path: "Tests/Integration/support",
        sources: ["calls.c", "children.c", "host.c", "report.c", "return_values.c", "signature.c"],
        publicHeadersPath: ".", cSettings: hostSettings),
    .executableTarget(
        name: "cryptoki-threads", dependencies: ["Cryptoki", "HostSupport"], path: "Tests/Integration/threads",
        sources: ["errands.c", "threads.c", "worker.c"], cSettings: hostSettings),
    .executableTarget(
        name: "cryptoki-badinput", dependencies: ["Cryptoki", "HostSupport"], path: "Tests/Integration/badinput",
        sources: [
            "attributes.c", "badinput.c", "check.c", "ciphers.c", "find.c", "initialise.c", "interfaces.c", "objects.c",
            "sessions.c", "sign.c", "sign_init.c", "slots.c", "sweep.c",
        ], cSettings: hostSettings),
]

/// libFuzzer brings `main`.
let fuzzer = Target.executableTarget(
    name: "cryptoki-fuzz", dependencies: ["Cryptoki", "HostSupport"], path: "Tests/Integration/fuzz",
    sources: ["buffers.c", "call.c", "fuzz.c", "material.c", "mechanisms.c", "objects.c", "source.c", "templates.c"],
    cSettings: hostSettings + [.unsafeFlags(["-fsanitize=undefined", "-fno-sanitize-recover=undefined"])],
    linkerSettings: [.unsafeFlags(["-sanitize=address,fuzzer"])])

let package = Package(
    name: "kms-pkcs11",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "kms_pkcs11", type: .dynamic, targets: ["PKCS11Module"]),
        .executable(name: "kmsd", targets: ["kmsd"]),
        .executable(name: "kmsctl", targets: ["kmsctl"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.10.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.0.2", traits: []),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.20.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.5.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    ],
    targets: [
        // C: system libraries and the two places where Swift cannot say what must be said.
        .systemLibrary(name: "CPKCS11", path: "Include"),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "CFileSystem"),
        .target(name: "CForkSupport"),
        .target(name: "CRuntimeReset"),

        // What module, server and tool share.
        .target(name: "KMSSupport", dependencies: ["CForkSupport"], swiftSettings: strict),
        .target(name: "KMSModel", swiftSettings: strict),
        .target(name: "KMSConfiguration", dependencies: ["KMSSupport", "TOMLKit"], swiftSettings: strict),
        .target(name: "OpenSSLCrypto", dependencies: ["COpenSSL", "KMSModel", "KMSSupport"], swiftSettings: strict),

        // The module, from the network up.
        .target(
            name: "KMSTransport", dependencies: ["CCurl", "COpenSSL", "CForkSupport", "KMSSupport"],
            swiftSettings: strict),
        .target(
            name: "KMSBackend", dependencies: ["KMSModel", "KMSSupport", "KMSTransport"], swiftSettings: strict),
        .target(
            name: "Cryptoki",
            dependencies: [
                "CPKCS11", "KMSBackend", "KMSConfiguration", "KMSModel", "KMSSupport", "KMSTransport", "OpenSSLCrypto",
            ],
            swiftSettings: strict),
        .target(
            name: "PKCS11Module", dependencies: ["Cryptoki", "CRuntimeReset"], swiftSettings: strict,
            linkerSettings: moduleLinkerSettings),

        // The embedded KMS and the command line tool.
        .target(
            name: "KMSServer",
            dependencies: [
                "KMSConfiguration", "KMSModel", "KMSSupport", "OpenSSLCrypto",
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "kmsd",
            dependencies: ["CMalloc", "KMSServer", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: strict, linkerSettings: programLinkerSettings),
        .executableTarget(
            name: "kmsctl",
            dependencies: [
                "CFileSystem", "Cryptoki", "KMSBackend", "KMSConfiguration", "KMSModel", "KMSSupport", "KMSTransport",
                "OpenSSLCrypto",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict, linkerSettings: programLinkerSettings),

        // Tests. Those with real programs are in Tests/Integration and run by `make test`.
        .testTarget(
            name: "CryptokiTests",
            dependencies: [
                "CPKCS11", "Cryptoki", "KMSBackend", "KMSModel", "KMSSupport", "KMSTransport", "OpenSSLCrypto",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "KMSBackendTests", dependencies: ["KMSBackend", "KMSModel", "KMSSupport", "KMSTransport"],
            swiftSettings: strict),
        .testTarget(name: "KMSSupportTests", dependencies: ["KMSSupport"], swiftSettings: strict),
        .testTarget(
            name: "KMSServerTests",
            dependencies: [
                "KMSServer", "KMSModel", "OpenSSLCrypto",
                .product(name: "HummingbirdTesting", package: "hummingbird"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "OpenSSLCryptoTests", dependencies: ["COpenSSL", "KMSModel", "KMSSupport", "OpenSSLCrypto"],
            swiftSettings: strict),
        .testTarget(name: "ModuleTests", dependencies: ["CPKCS11"], swiftSettings: strict),
    ]
)

// An ordinary build has no use for them.
if sanitizer != nil && sanitizer != "unit" { package.targets += hostPrograms }

// Sanitizers of the unit tests: their runtime belongs to the program, and the module is linked without undefined symbols.
if sanitizer == "unit" {
    package.targets.removeAll { ["PKCS11Module", "ModuleTests"].contains($0.name) }
    package.products.removeAll { $0.name == "kms_pkcs11" }
}

// The fuzzer wants to know which branches of the module its inputs reach.
if sanitizer == "address" {
    package.targets.append(fuzzer)
    let module = [
        "KMSSupport", "KMSModel", "KMSConfiguration", "OpenSSLCrypto", "KMSTransport", "KMSBackend", "Cryptoki",
    ]
    for target in package.targets where module.contains(target.name) {
        target.swiftSettings = strict + [.unsafeFlags(["-sanitize=address,fuzzer"])]
    }
}

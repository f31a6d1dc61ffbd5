// The shell of kms_pkcs11.so: link flags (Package.swift) around Cryptoki, whose C_* functions are the whole interface.
@_exported import Cryptoki

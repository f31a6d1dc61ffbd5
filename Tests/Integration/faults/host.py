"""A host of the module, to be run as a program: does what the lines of its standard input say, and answers each with a
line of JSON: return value, seconds, memory and sockets.

    host.py MODULE PIN-FILE SIGNING-LABEL DECRYPTING-LABEL
"""

import ctypes
import json
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cryptoki as ck

P256 = bytes.fromhex("06082a8648ce3d030107")
THREADS = 8
PLAINTEXT = b"plaintext"
# ERR_LIB_EVP and some reason.
OWN_ERROR = 6, 100
OPENSSL_INIT_LOAD_CONFIG = 0x40
EVP_PKEY_RSA = 6


class Host:
    def __init__(self, module: str, pin_file: str, signing: str, decrypting: str):
        self.library = ck.Library(Path(module))
        assert self.library.C_Initialize(None) in ck.rvs("OK CRYPTOKI_ALREADY_INITIALIZED")
        self.session = self.library.open(self.library.slots()[0])
        self.pin = Path(pin_file).read_text().strip()
        self.labels = signing, decrypting
        self.signing = self.decrypting = self.ciphertext = None
        self.searches = 0

    # Operations: each gives the CKR_ of the call that goes to the KMS

    def login(self):
        pin = self.pin.encode()
        return self.session.C_Login(ck.CKU_USER, pin, len(pin))

    def logout(self):
        return self.session.C_Logout()

    def find(self):
        """For a label that nobody has asked for, so that the KMS is asked."""
        self.searches += 1
        try:
            found = self.session.find({ck.CKA_LABEL: f"none {os.getpid()} {self.searches}"})
            assert found == []
        except ck.Refused as refusal:
            self.session.C_FindObjectsFinal()
            return refusal.value
        return ck.rv("OK")

    def sign(self):
        mechanism = ck.Mechanism(ck.CKM_SHA256_RSA_PKCS)
        data = os.urandom(40)
        try:
            signature = self.session.sign(mechanism, self.signing[0], data)
        except ck.Refused as refusal:
            return refusal.value
        return self.session.verify(mechanism, self.signing[1], signature, data)

    def decrypt(self):
        try:
            plaintext = self.session.decrypt(oaep(), self.decrypting[0], self.ciphertext)
        except ck.Refused as refusal:
            return refusal.value
        assert plaintext == PLAINTEXT
        return ck.rv("OK")

    def generate(self):
        """A key of the token; it is destroyed again by `clean`."""
        public = {ck.CKA_EC_PARAMS: P256, ck.CKA_TOKEN: True, ck.CKA_LABEL: f"made {os.getpid()} {time.monotonic_ns()}"}
        private = {ck.CKA_TOKEN: True, ck.CKA_PRIVATE: True, ck.CKA_SIGN: True}
        handles = ctypes.c_ulong(), ctypes.c_ulong()
        templates = *ck.Template(public).arguments, *ck.Template(private).arguments
        value = self.session.C_GenerateKeyPair(ck.Mechanism(ck.CKM_EC_KEY_PAIR_GEN), *templates, *handles)
        if value == ck.CKR_OK:
            self.made = handles[1].value
        return value

    def clean(self):
        return self.session.C_DestroyObject(self.made)

    def prepare(self):
        """Finds the keys and makes a ciphertext."""
        pairs = []
        for label in self.labels:
            pairs.append([
                self.session.find({ck.CKA_CLASS: kind, ck.CKA_LABEL: label})[0]
                for kind in (ck.CKO_PRIVATE_KEY, ck.CKO_PUBLIC_KEY)
            ])  # fmt: skip
        self.signing, self.decrypting = pairs
        self.ciphertext = self.session.encrypt(oaep(), self.decrypting[1], PLAINTEXT)
        return ck.rv("OK")

    def session_keys(self):
        """Keys of the session, made of their parts: a public key that verifies and encrypts, an EC key that is generated."""
        parts = {kind: self.session.get(self.signing[1], kind) for kind in (ck.CKA_MODULUS, ck.CKA_PUBLIC_EXPONENT)}
        public = self.session.create(
            parts | {ck.CKA_CLASS: ck.CKO_PUBLIC_KEY, ck.CKA_KEY_TYPE: ck.CKK_RSA, ck.CKA_VERIFY: True}
        )
        pss = ck.Mechanism(
            ck.CKM_SHA256_RSA_PKCS_PSS,
            ck.CK_RSA_PKCS_PSS_PARAMS(hashAlg=ck.CKM_SHA256, mgf=ck.CKG_MGF1_SHA256, sLen=32),
        )
        signature = self.session.sign(pss, self.signing[0], b"data")
        return self.session.verify(pss, public, signature, b"data")

    def sign_in_threads(self):
        """One signature in each of several threads at once; what the unluckiest of them got."""
        sessions = [self.library.open(self.session.slot) for _ in range(THREADS)]

        def work(session):
            mechanism = ck.Mechanism(ck.CKM_SHA256_RSA_PKCS)
            try:
                signature = session.sign(mechanism, self.signing[0], b"data")
                return session.verify(mechanism, self.signing[1], signature, b"data")
            except ck.Refused as refusal:
                return refusal.value

        with ThreadPoolExecutor(THREADS) as pool:
            values = list(pool.map(work, sessions))
        for session in sessions:
            session.close()
        return max(values)

    def state(self):
        return ck.rv("OK")


def oaep() -> ck.Mechanism:
    return ck.Mechanism(
        ck.CKM_RSA_PKCS_OAEP,
        ck.CK_RSA_PKCS_OAEP_PARAMS(hashAlg=ck.CKM_SHA256, mgf=ck.CKG_MGF1_SHA256, source=ck.CKZ_DATA_SPECIFIED),
    )


def resident_kilobytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def sockets() -> int:
    links = []
    for entry in os.scandir("/proc/self/fd"):
        try:
            links.append(os.readlink(entry.path))
        except FileNotFoundError:
            pass
    return sum(link.startswith("socket:") for link in links)


def queued(libcrypto) -> list[tuple[int, int]]:
    """Takes all errors, as library and reason, out of OpenSSL's queue."""
    errors = []
    while code := libcrypto.ERR_get_error():
        errors.append((code >> 23 & 0xFF, code & 0x7FFFFF))
    return errors


def main():
    # As in a plain C program: a SIGPIPE would end it.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    libcrypto = ctypes.CDLL("libcrypto.so.3")
    libcrypto.ERR_get_error.restype = ctypes.c_ulong
    if "OPENSSL_CONF" in os.environ:
        # A host that uses OpenSSL itself reads its configuration, and with it loads the engine and this very module.
        assert libcrypto.OPENSSL_init_crypto(ctypes.c_uint64(OPENSSL_INIT_LOAD_CONFIG), None) == 1
        assert libcrypto.ENGINE_get_pkey_meth_engine(EVP_PKEY_RSA), "the engine is not the default"
    host = Host(*sys.argv[1:])
    libcrypto.ERR_clear_error()
    for line in sys.stdin:
        # The error queue is the host's: what it has there stays, and nothing is added.
        libcrypto.ERR_new()
        libcrypto.ERR_set_error(*OWN_ERROR, None)
        began = time.monotonic()
        value = getattr(host, line.strip())()
        seconds = time.monotonic() - began
        errors = queued(libcrypto)
        assert errors == [OWN_ERROR], f"OpenSSL's errors after {line}: {errors}"
        answer = {
            "value": str(value).removeprefix("CKR_"), "seconds": seconds, "memory": resident_kilobytes(),
            "sockets": sockets(),
        }  # fmt: skip
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

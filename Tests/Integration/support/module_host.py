"""A child process with the module, asked for one thing at a time: `host = ModuleHost(...)`, `host.find(label="x")`.

What it can do are the functions of `Inside`; each answers what the function returns, or raises `ck.Refused` with the
module's return value.
"""

import json
import subprocess
import sys
import threading
from pathlib import Path

import cryptoki as ck

ATTRIBUTES = {"label": ck.CKA_LABEL, "id": ck.CKA_ID, "kind": ck.CKA_CLASS}
PRIVATE, PUBLIC, SECRET = ck.CKO_PRIVATE_KEY, ck.CKO_PUBLIC_KEY, ck.CKO_SECRET_KEY


class ModuleHost:
    """Usable with `with`. `log` gets the module's lines."""

    def __init__(self, module: Path, env: dict[str, str], log: Path):
        self._log = log
        with open(log, "ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(module)],
                env=env | {"PYTHONPATH": str(Path(__file__).parent)},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip

    def __getattr__(self, name: str):
        def call(**arguments):
            self._process.stdin.write(json.dumps([name, arguments]).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
            assert line, f"the host died in {name}: {self._process.wait()}\n{self.log()}"
            answer = json.loads(line)
            if "refused" in answer:
                raise ck.Refused(name, answer["refused"])
            return answer["value"]

        return call

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        assert self._process.wait(timeout=60) == 0, self.log()

    def log(self) -> str:
        return self._log.read_text(errors="replace")


class Inside:
    def __init__(self, module: str):
        self.library = ck.Library(Path(module))
        ck.check(self.library.C_Initialize(None), "C_Initialize")
        self.session = self.library.open(self.library.slots()[0])

    def login(self, pin: str | None = None):
        ck.check(self.session.C_Login(ck.CKU_USER, pin and pin.encode(), len(pin or "")), "C_Login")

    def logout(self):
        ck.check(self.session.C_Logout(), "C_Logout")

    def find(self, **attributes):
        return self._find(self.session, attributes)

    def find_in_threads(self, count: int, **attributes):
        """All at once, each in a session of its own."""
        sessions = [self.library.open(self.session.slot) for _ in range(count)]
        return self._in_threads(sessions, lambda session: self._find(session, attributes))

    def attributes(self, key: int):
        return [self.session.get(key, kind).hex() for kind in (ck.CKA_LABEL, ck.CKA_ID, ck.CKA_KEY_TYPE)]

    def sign(self, key: int):
        return self._sign(self.session, key)

    def sign_in_threads(self, key: int, count: int):
        sessions = [self.library.open(self.session.slot) for _ in range(count)]
        return self._in_threads(sessions, lambda session: self._sign(session, key))

    def generate(self, label: str, id: str = ""):
        """An AES key of the token."""
        template = {ck.CKA_TOKEN: True, ck.CKA_LABEL: label, ck.CKA_ID: bytes.fromhex(id), ck.CKA_VALUE_LEN: 32}
        return self.session.generate(ck.Mechanism(ck.CKM_AES_KEY_GEN), template)

    def relabel(self, key: int, label: str):
        self.session.set(key, {ck.CKA_LABEL: label})

    def destroy(self, key: int):
        self.session.destroy(key)

    def memory(self):
        """What this process holds of its own, in kB: now, and at most until now with what it shares."""
        status = Path("/proc/self/status").read_text()
        return [int(status.partition(name + ":")[2].split()[0]) for name in ("RssAnon", "VmHWM")]

    @staticmethod
    def _find(session, attributes):
        template = {}
        for name, value in attributes.items():
            template[ATTRIBUTES[name]] = bytes.fromhex(value) if name == "id" else value
        return session.find(template)

    @staticmethod
    def _sign(session, key):
        return session.sign(ck.Mechanism(ck.CKM_ECDSA), key, bytes(32)).hex()

    @staticmethod
    def _in_threads(sessions, work):
        """What each answered: the value, or the name of the return value."""
        results, barrier = {}, threading.Barrier(len(sessions))

        def run(number, session):
            barrier.wait()
            try:
                results[number] = work(session)
            except ck.Refused as refusal:
                results[number] = str(refusal.value)

        threads = [threading.Thread(target=run, args=pair) for pair in enumerate(sessions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for session in sessions:
            session.close()
        return [results[number] for number in range(len(sessions))]


def main():
    inside = Inside(sys.argv[1])
    for line in sys.stdin:
        name, arguments = json.loads(line)
        try:
            answer = {"value": getattr(inside, name)(**arguments)}
        except ck.Refused as refusal:
            answer = {"refused": int(refusal.value)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

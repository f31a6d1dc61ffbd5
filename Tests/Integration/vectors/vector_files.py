"""The vectors of Tests/Vectors, whose README describes the fields."""

import json
from dataclasses import dataclass
from pathlib import Path

from vector_calls import Call

DIRECTORY = Path(__file__).resolve().parents[2] / "Vectors"


@dataclass(frozen=True)
class Vector:
    file: str
    id: str
    operation: str
    call: Call
    key_name: str | None
    key: dict | None
    input: bytes
    output: bytes
    # The names of the standard's answers, one of which must come; empty: the operation succeeds.
    refused: frozenset[str]
    # What a key of the KMS answers instead, where a KMS cannot do it.
    token_refused: frozenset[str]
    # Of the key that a derivation or unwrapping makes.
    derived: dict
    source: str

    def __str__(self):
        return f"{self.file}-{self.id}"

    @property
    def place(self) -> tuple[str, str]:
        """The key's name among all files."""
        return self.file, self.key_name


def load() -> list[Vector]:
    vectors = [vector for path in sorted(DIRECTORY.glob("*.json")) for vector in _of_file(path)]
    assert vectors, f"there are no vectors in {DIRECTORY}"
    names = [str(vector) for vector in vectors]
    assert len(names) == len(set(names)), [name for name in names if names.count(name) > 1]
    return vectors


def _of_file(path: Path) -> list[Vector]:
    contents = json.loads(path.read_text())
    keys = {name: _octets(key, but=("type", "curve")) for name, key in contents["keys"].items()}
    return [_vector(path.stem, fields, keys, contents["source"]) for fields in contents["vectors"]]


def _vector(file: str, fields: dict, keys: dict, source: str) -> Vector:
    # What is not known is a mistake, not a remark.
    known = {
        "id", "operation", "mechanism", "parameter", "key", "input", "output", "refused", "token_refused",
        "derived", "source", "note",
    }  # fmt: skip
    assert fields.keys() <= known, f"{file}: {fields.keys() - known}"
    assert ("output" in fields) or "refused" in fields, f"{file}-{fields['id']} expects nothing"
    name = fields.get("key")
    return Vector(
        file=file,
        id=fields["id"],
        operation=fields["operation"],
        call=Call(fields["mechanism"], _octets(fields.get("parameter", {}), but=("hash", "mgf", "kdf"))),
        key_name=name,
        key=keys[name] if name else None,
        input=_value(fields.get("input", "")),
        output=_value(fields.get("output", "")),
        refused=frozenset(fields.get("refused", ())),
        token_refused=frozenset(fields.get("token_refused", ())),
        derived=fields.get("derived", {}),
        source=fields.get("source", source),
    )


def _octets(fields: dict, but: tuple[str, ...]) -> dict:
    """Texts are octets in hexadecimal, except in the fields that hold names."""
    return {
        name: _value(value) if isinstance(value, (str, dict)) and name not in but else value
        for name, value in fields.items()
    }


def _value(value: str | dict) -> bytes:
    """Hexadecimal, or {"repeat": hexadecimal, "count": number} for what is long."""
    if isinstance(value, dict):
        return bytes.fromhex(value["repeat"]) * value["count"]
    return bytes.fromhex(value)

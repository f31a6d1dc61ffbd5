"""Random inputs of the property tests: the lengths where implementations err, and any."""

import random

from vector_token import split

# Inputs of one property that needs no key, and of one that is tried with keys of every origin in turn.
COUNT = 50
COUNT_PER_ORIGIN = 13
# More than one request to a KMS carries, in bytes.
LONG = 300 * 1024


def inputs(
    chance: random.Random, block: int, multiple: int = 1, least: int = 0, most: int = 900, count: int = COUNT_PER_ORIGIN
):
    """Random data with lengths at the borders of blocks and elsewhere, all multiples of `multiple`, in bytes."""
    borders = [0, 1, block - 1, block, block + 1, 2 * block, 10 * block + 1, most]
    lengths = [length - length % multiple for length in borders if length <= most]
    lengths = [length for length in lengths if length >= least]
    while len(lengths) < count:
        length = chance.randrange(least, most + 1)
        if length % multiple == 0:
            lengths.append(length)
    # Where there are few, not always the same.
    chance.shuffle(lengths)
    for length in lengths[:count]:
        yield chance.randbytes(length)


def long_input(chance: random.Random, multiple: int = 1) -> bytes:
    length = LONG + chance.randrange(100_000)
    return chance.randbytes(length - length % multiple)


def in_pieces(chance: random.Random, data: bytes, is_multipart: bool = True):
    """Half of all data in one part, the rest in parts of random lengths, some of them empty."""
    if not is_multipart or chance.random() < 0.5:
        return data
    longest = max(1, len(data) // chance.randrange(1, 8))
    lengths = [chance.randrange(longest + 1) for _ in range(6)]
    return split(data, [*lengths, longest])


def changed(chance: random.Random, data: bytes) -> bytes:
    """One bit is another."""
    position = chance.randrange(8 * len(data))
    return bytes(byte ^ (1 << position % 8 if place == position // 8 else 0) for place, byte in enumerate(data))

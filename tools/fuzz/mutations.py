"""Damage of the kinds that files meet, and some that only an enemy thinks of."""

import random
from collections.abc import Iterator, Sequence


def mutants(corpus: Sequence[bytes], count: int, seed: int) -> Iterator[tuple[bytes, bytes]]:
    """Pairs of damaged bytes and the bytes they were made from; every seventh has nothing to do with them."""
    rng = random.Random(seed)
    for _ in range(count):
        original, other = rng.sample(corpus, 2)
        yield _mutate(bytearray(original), other, rng), original


def _mutate(data: bytearray, other: bytes, rng: random.Random) -> bytes:
    kind = rng.randrange(7)
    if kind == 0:
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        # Heads say most, so they are damaged most.
        for _ in range(rng.randint(1, 30)):
            data[rng.randrange(min(len(data), rng.choice([8, 64, 512, 10**6])))] = rng.randrange(256)
    elif kind == 2:
        del data[rng.randrange(len(data)) :]
    elif kind == 3:
        data += rng.randbytes(rng.randint(1, 40))
    elif kind == 4:
        data = data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]
    elif kind == 5:
        start, stop = sorted(rng.sample(range(len(data) + 1), 2))
        data[start:stop] = rng.randbytes(stop - start)
    else:
        data = bytearray(rng.randbytes(rng.randrange(200)))
    return bytes(data)

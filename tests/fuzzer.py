"""A mutation fuzzer of a page: deterministic, for readers that take bytes.

Each mutant is made of a sound file by one to four changes: a bit flipped, a byte or a number
replaced (by those that overflow, most of all), a piece cut out, doubled, moved or taken from
another file. The reader may return or raise the errors it promises; all else is found here.
"""

import time
import tracemalloc

import numpy as np

NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutant(rng, seeds):
    """Return one mutant of one of the seeds."""
    data = bytearray(seeds[rng.integers(len(seeds))])
    for _ in range(rng.integers(1, 5)):
        size = len(data)
        at, length = int(rng.integers(size + 1)), int(min(rng.geometric(0.1), size))
        kind = rng.integers(8)
        if kind == 0 and size:
            data[at % size] ^= 1 << rng.integers(8)
        elif kind == 1 and size:
            data[at % size] = int(rng.integers(256))
        elif kind == 2:
            number = NUMBERS[rng.integers(len(NUMBERS))]
            width = int(rng.choice([1, 2, 4, 8]))
            order = ("little", "big")[rng.integers(2)]
            data[at : at + width] = (number % 256**width).to_bytes(width, order)
        elif kind == 3:
            del data[at : at + length]
        elif kind == 4:
            data[at:at] = data[at : at + length]
        elif kind == 5:
            other = seeds[rng.integers(len(seeds))]
            start = int(rng.integers(len(other) + 1))
            data[at : at + length] = other[start : start + length]
        elif kind == 6:
            del data[at:]
        else:
            data[at:at] = rng.bytes(length)
    return bytes(data)


def fuzz(read, seeds, errors, *, times, seed, most_bytes, most_seconds=1.0):
    """Read mutants; return how many were taken and how many refused.

    Raises:
        AssertionError: another error came out, more memory was used than allowed, or it took long
        (in seconds of the processor, so that a busy machine finds nothing).
    """
    rng = np.random.default_rng(seed)
    taken = refused = 0
    tracemalloc.start()
    try:
        for number in range(times):
            data = mutant(rng, seeds)
            tracemalloc.reset_peak()
            held, _ = tracemalloc.get_traced_memory()
            began = time.thread_time()
            try:
                read(data)
                taken += 1
            except errors:
                refused += 1
            except BaseException as error:
                raise AssertionError(f"mutant {number} of seed {seed}: {error!r}") from error
            seconds = time.thread_time() - began
            _, peak = tracemalloc.get_traced_memory()
            assert seconds < most_seconds, f"mutant {number} of seed {seed}: {seconds:.1f} s"
            assert peak - held < most_bytes, f"mutant {number} of seed {seed}: {peak - held} bytes"
    finally:
        tracemalloc.stop()
    return taken, refused

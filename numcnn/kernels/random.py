"""Dropout's masks: the random numbers of numcnn.seeds.generator, any of them at any time.

Philox is a function, not a sequence: eight numbers come from encrypting their place with the seed
as the key. So pieces of a mask can be drawn side by side, and are bit for bit what
`layers/dropout.py` draws through NumPy.

Reference: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox-4x64-10).
"""

from typing import Any

import numpy as np

from numcnn.kernels.compile import kernel
from numcnn.kernels.simd import mul_high, wrapping_add, wrapping_mul

U = np.uint64
LOW, HALF = U(0xFFFFFFFF), U(32)
FACTORS = U(0xD2E7470EE14C6C93), U(0xCA5A826395121157)
ROUND = U(0x9E3779B97F4A7C15), U(0xBB67AE8584CAA73B)  # added to the key after each round


@kernel
def dropout_mask(
    mask: Any, first: int, skip: int, seed: int, step: int, rate: float, scale: float
) -> None:
    """mask[i] = scale where the number first + skip + i of (seed, step) is at least rate, else 0.

    Equals Dropout.mask. `first` is a multiple of 8, skip below 8.
    """
    zero, kept, least = mask.dtype.type(0), mask.dtype.type(scale), np.float32(rate)
    for at in range(0, skip + mask.size, 8):
        c0, c1, c2, c3 = U((first + at) // 8 + 1), U(0), U(0), U(step)
        k0, k1 = U(seed), U(0)
        for _ in range(10):
            high0, low0 = mul_high(FACTORS[0], c0), wrapping_mul(FACTORS[0], c0)
            high1, low1 = mul_high(FACTORS[1], c2), wrapping_mul(FACTORS[1], c2)
            c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
            k0, k1 = wrapping_add(k0, ROUND[0]), wrapping_add(k1, ROUND[1])
        words = (c0, c1, c2, c3)
        for i in range(8):
            to = at + i - skip
            if 0 <= to < mask.size:
                word = words[i >> 1] >> (HALF * U(i & 1))
                chance = np.float32((word & LOW) >> U(8)) * np.float32(2.0**-24)
                mask[to] = kept if chance >= least else zero

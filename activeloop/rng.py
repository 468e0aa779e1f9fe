"""Randomness by address: the same (seed, round, use) gives the same stream, wherever and whenever it is asked for."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.random import Generator, SeedSequence


def _address(seed: int, round: int, use: str) -> SeedSequence:
    return SeedSequence([seed, round, zlib.crc32(use.encode())])


def rng(seed: int, round: int, use: str) -> Generator:
    """The generator at this address; every call starts it anew."""
    return np.random.default_rng(_address(seed, round, use))


def derive(seed: int, round: int, use: str) -> int:
    """A seed in [0, 2**63) at this address, for libraries that want an integer."""
    return int(_address(seed, round, use).generate_state(1, np.uint64)[0] >> np.uint64(1))

"""Random draws that depend on the seed and on what they are for, never on what was drawn before.

Each iteration of training has streams of its own, so a resumed run needs no saved generator to go on identically.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator

import torch


def derived_seed(*purpose: str | int) -> int:
    """Seed of a stream, from the study's seed and the words and numbers that say what the stream is for.

    Returns
    -------
    int
        In [0, 2**63).
    """
    digest = hashlib.sha256("\0".join(map(str, purpose)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*purpose: str | int) -> torch.Generator:
    """Make the generator of a stream, on the CPU; see `derived_seed`."""
    return torch.Generator().manual_seed(derived_seed(*purpose))


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Hold torch to deterministic algorithms, and give its global generators and settings back as they were."""
    if torch.cuda.is_available():
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when first used
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    with torch.random.fork_rng():
        torch.use_deterministic_algorithms(True)
        # Filling guards against bugs only, and costs time.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])
            torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]

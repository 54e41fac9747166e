"""How networks run: random draws by their purpose, determinism, and every core with a network of its own.

Draws depend on the seed and on what they are for, never on what was drawn before: each iteration of training has
streams of its own, so a resumed run needs no saved generator to go on identically.
"""

import contextlib
import copy
import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import torch
from torch import nn

from salcompare import blocks

Part = TypeVar("Part")
Result = TypeVar("Result")

AT_ONCE = 4
"""Photographs that a core explains at a time: enough to keep it busy, and few enough for many cores' memory."""


def derived_seed(*purpose: str | int) -> int:
    """Seed of a stream, in [0, 2**63), from the study's seed and words and numbers that say what the stream is for."""
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


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch and BLAS to one thread until the block ends; may be nested, and serves as a decorator."""
    with blocks.one_thread(), _one_thread.held():
        yield


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # threads that are begun later, such as those that work on blocks, start with it too
    try:
        yield
    finally:
        torch.set_num_threads(before)


_one_thread = blocks.Shared(_limited)


def n_threads() -> int:
    """Count the threads that torch trains with."""
    return torch.get_num_threads()


def at_once(model: nn.Module, batch: int) -> tuple[int, int]:
    """Say how many photographs a block has, and how many blocks may run at a time, so that `batch` is not exceeded.

    A graphics processor gets whole batches one after another. Of the processor's cores the size does not depend on.
    """
    if device_of(model).type != "cpu":
        return batch, 1
    return min(batch, AT_ONCE), max(1, batch // AT_ONCE)


def device_of(model: nn.Module) -> torch.device:
    """Where a network's weights are; the CPU where it has none."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


class _Copy(threading.local):
    """The copy that this thread runs, and of which network; None where it cannot be copied."""

    of: nn.Module | None = None
    network: nn.Module | None = None


def side_by_side(work: Callable[[nn.Module, Part], Result], parts: Iterable[tuple[nn.Module, Part]], *,
                 most: int | None = None) -> Iterator[Result]:
    """Run networks over parts of some work on all cores, `most` at a time, and give the results in the parts' order.

    Each part comes with the network that it is for. A core runs a copy of it, which shares its weights: what a method
    or the network itself puts on its modules while it runs is not seen by other cores. Networks that cannot be copied
    run one at a time. Otherwise as `blocks.side_by_side`.
    """
    here, alone = _Copy(), threading.Lock()

    def run(pair: tuple[nn.Module, Part]) -> Result:
        """Do one part's work, on this thread's own copy of its network."""
        model, part = pair
        if here.of is not model:
            here.of, here.network = model, _copied(model)
        if here.network is None:
            with alone:
                return work(model, part)
        return work(here.network, part)

    with one_thread():
        yield from blocks.side_by_side(run, parts, most=most)


def _copied(model: nn.Module) -> nn.Module | None:
    shared = [*model.parameters(), *model.buffers()]
    try:
        copied: nn.Module = copy.deepcopy(model, {id(tensor): tensor for tensor in shared})
    except (RuntimeError, TypeError, NotImplementedError, AttributeError):  # one that keeps a graph, a file or a lock
        return None
    return copied

"""What a result was made from: hashes of inputs, settings and versions, all stable across runs and machines."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

PACKAGES = ("salcompare", "numpy", "pandas", "scipy", "xarray", "zarr", "scikit-image", "pillow", "plotnine",
            "statsmodels", "torch", "torchvision", "captum")
_BLOCK = 1 << 20
_RECENT = 2 * 10**9  # nanoseconds; a file system's clock may stand still so long, and a change within goes unseen


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits; read again only when its size or time has changed."""
    about = path.stat()
    if time.time_ns() - about.st_mtime_ns < _RECENT:
        return _sha256(path)
    return _known_sha256(path.resolve(), about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=1 << 18)
def _known_sha256(path: Path, size: int, changed: int) -> str:  # noqa: ARG001 - they tell versions of a file apart
    return _sha256(path)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def sha256_of_bytes(content: bytes) -> str:
    """SHA-256 of bytes, as 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_parts(parts: Iterable[str]) -> str:
    """SHA-256 of strings in their order, each ended by a zero byte."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.hexdigest()


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spare blanks, so that equal values have equal texts.

    Dataclasses become objects, paths strings and NumPy scalars numbers.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain, ensure_ascii=False)


def fingerprint(value: object) -> str:
    """Sixteen hex digits that change when the value changes."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


def versions() -> Mapping[str, str]:
    """Versions of the packages that numbers and pictures depend on, those that are installed."""
    from salcompare import __version__  # what runs, even where an older one was installed

    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = __version__ if name == "salcompare" else importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _plain(value: object) -> Any:  # noqa: ANN401 - what json.dumps asks for
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        return item()
    message = f"{type(value).__name__} has no canonical JSON form"
    raise TypeError(message)

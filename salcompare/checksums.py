"""Checksums of what is stored: made when it is written, and held against it before it is used.

The files of a store or a stage are listed with their sizes and SHA-256. A JSON file that says what others hold, and a
file of tensors, carry their own checksum: a seal. Nothing here writes anything but seals.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from salcompare.provenance import canonical_json, sha256_of_bytes, sha256_of_file

SEAL = "sha256"
"""The key of a JSON file's own checksum."""
BY_HAND = {".csv", ".json", ".md", ".html", ".svg", ".png"}
"""Endings of files that people open and change."""
_MARK, _SUM = b"\n#salcompare ", b" sha256 "
_TAIL = len(_SUM) + 64 + 1
_LONGEST_NOTE = 4096
_AT_ONCE = 16


def sum_of(path: Path) -> str:
    """Size and SHA-256 of a file, as ``SIZE HEX``."""
    return f"{path.stat().st_size} {sha256_of_file(path)}"


def sums_of_folder(folder: Path) -> dict[str, str]:
    """Give `sum_of` every file under a folder, by its path from there."""
    return {path.relative_to(folder).as_posix(): sum_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def fault_of(path: Path, expected: str, *, since: int, whole: bool) -> str:
    """Say how a file differs from its checksum.

    Parameters
    ----------
    path : Path
    expected : str
        What `sum_of` gave when it was written.
    since : int
        When its checksum was noted, in nanoseconds since 1970: what was changed later, and is text or a picture, was
        changed by hand.
    whole : bool
        Whether to read it even if it has the right size and was last changed before then.

    Returns
    -------
    str
        "is gone", "was changed by hand after it was made" or "is damaged ..."; empty where it is as it was written.
    """
    try:
        about = path.stat()
        size = int(expected.split()[0])
        trusted = not whole and about.st_mtime_ns < since
        if about.st_size == size and (trusted or sum_of(path) == expected):
            return ""
    except FileNotFoundError:
        return "is gone"
    except (OSError, ValueError, IndexError) as error:
        return f"cannot be read ({error})"
    if path.suffix in BY_HAND and about.st_mtime_ns >= since:
        return "was changed by hand after it was made"
    wrong = f"{about.st_size} bytes instead of {size}" if about.st_size != size else "its bytes are not those written"
    return f"is damaged ({wrong})"


def sealed(value: Mapping[str, object]) -> dict[str, Any]:
    """Add a checksum of all else to what is to be written as JSON; NaN becomes null."""
    plain: dict[str, Any] = json.loads(canonical_json(value), parse_constant=lambda _: None)
    return plain | {SEAL: sha256_of_bytes(canonical_json(plain).encode())}


def seal_holds(value: object) -> bool:
    """Whether what was read from JSON is as `sealed` left it."""
    if not isinstance(value, dict):
        return False
    rest = {key: one for key, one in value.items() if key != SEAL}
    return bool(value.get(SEAL) == sha256_of_bytes(canonical_json(rest).encode()))


def seal_file(path: Path, note: Mapping[str, object] | None = None) -> None:
    """Add a note and a checksum of everything before it to a file's end.

    Readers of zip archives, as torch's files are, and of NumPy's arrays do not look there.
    """
    with path.open("ab") as stream:
        stream.write(_MARK + canonical_json(dict(note or {})).encode())
    digest = _sha256_but(path, 0)
    with path.open("ab") as stream:
        stream.write(_SUM + digest.encode() + b"\n")


def note_of(path: Path) -> dict[str, Any] | None:
    """Read a sealed file's note without checking the rest; None where there is none."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(path.stat().st_size - _LONGEST_NOTE, 0))
            end = stream.read()
        found = json.loads(end[end.rindex(_MARK) + len(_MARK):-_TAIL])
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def file_holds(path: Path) -> bool:
    """Whether a sealed file is as `seal_file` left it."""
    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - _TAIL, 0))
        tail = stream.read()
    return note_of(path) is not None and tail == _SUM + _sha256_but(path, _TAIL).encode() + b"\n"


def flush(path: Path) -> None:
    """Have the system put a file, or a folder's list of names, onto the disk; where it cannot, it is left to it."""
    with contextlib.suppress(PermissionError):  # Windows opens no folders
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def flush_folder(folder: Path) -> None:
    """Put everything under a folder onto the disk, many files at once, which a journal writes together."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(flush, [*folder.rglob("*"), folder]))


def _sha256_but(path: Path, left_out: int) -> str:
    """SHA-256 of a file's bytes but for the last `left_out`."""
    import hashlib

    digest, left = hashlib.sha256(), path.stat().st_size - left_out
    with path.open("rb") as stream:
        while left > 0 and (block := stream.read(min(1 << 20, left))):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()

"""What a result was made from, and whether it is still what was written: hashes, all stable across runs and machines.

The files of a store or a stage are listed with their sizes and SHA-256. A JSON file that says what others hold, and a
file of tensors, carry their own checksum: a seal.
"""

import ast
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

PACKAGES = ("salcompare", "numpy", "pandas", "scipy", "xarray", "zarr", "scikit-image", "pillow", "plotnine",
            "statsmodels", "torch", "torchvision", "captum")
_BLOCK = 1 << 20
_RECENT = 2 * 10**9  # nanoseconds; a file system's clock may stand still so long, and a change within goes unseen
SEAL = "sha256"
"""The key of a JSON file's own checksum."""
BY_HAND = {".csv", ".json", ".md", ".html", ".svg", ".png"}
"""Endings of files that people open and change."""
_MARK, _SUM = b"\n#salcompare ", b" sha256 "
_TAIL = len(_SUM) + 64 + 1
_LONGEST_NOTE = 4096


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits; read again only when its size or time has changed."""
    about = path.stat()
    if time.time_ns() - about.st_mtime_ns < _RECENT:
        return _sha256(path)
    return _known_sha256(path.resolve(), about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=1 << 18)
def _known_sha256(path: Path, size: int, changed: int) -> str:  # noqa: ARG001 - they tell versions of a file apart
    return _sha256(path)


def _sha256(path: Path, *, but_last: int = 0) -> str:
    """Hash a file's bytes but for the last so many."""
    digest, left = hashlib.sha256(), path.stat().st_size - but_last
    with path.open("rb") as stream:
        while left > 0 and (block := stream.read(min(_BLOCK, left))):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


def sha256_of_bytes(content: bytes) -> str:
    """SHA-256 of bytes, as 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_code(module: str, root: Path | None) -> dict[str, str]:
    """Hash a user's module and all local modules that it imports, inside functions too, directly or not.

    The module is beside `root`, the study's folder, else wherever it can be imported from, unless that is where
    packages are installed. Gives SHA-256 by the file's path from where imports start; nothing where the module is not
    local. No code is run.
    """
    base = _local_base(module, root)
    if base is None:
        return {}
    hashes: dict[str, str] = {}
    left = list(_files_of(base, module))
    while left:
        path = left.pop()
        name = path.relative_to(base).as_posix()
        if name not in hashes:
            hashes[name] = sha256_of_file(path)
            left += [file for other in _imports_of(path, base) for file in _files_of(base, other)]
    return dict(sorted(hashes.items()))


def _local_base(module: str, root: Path | None) -> Path | None:
    """Where the imports of a local module start; None for what is installed, or not there."""
    if root is not None and root.joinpath(*module.split(".")).with_suffix(".py").is_file():
        return root
    try:
        spec = importlib.util.find_spec(module.split(".")[0])
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.origin or {"site-packages", "dist-packages"} & set(Path(spec.origin).parts):
        return None
    origin = Path(spec.origin)
    inside = origin.is_file() and not origin.is_relative_to(Path(json.__file__).parents[1])
    return (origin.parents[1] if spec.submodule_search_locations else origin.parent) if inside else None


def _files_of(base: Path, module: str) -> Iterator[Path]:
    """Files that an import of a module runs: its own and its packages', those that are there."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        path = base.joinpath(*parts[:end])
        yield from (file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file())


def _imports_of(path: Path, base: Path) -> Iterator[str]:
    """Names of modules that a file may import; names that it takes from a module may be modules too."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # its import says so
        return
    package = path.relative_to(base).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[:len(package) - node.level + 1] if node.level else ()
            start = ".".join((*above, *filter(None, [node.module])))
            yield from ([start] if start else [])
            yield from (f"{start}.{alias.name}".lstrip(".") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.args[0].value


def sha256_of_parts(parts: Iterable[str]) -> str:
    """SHA-256 of strings in their order, each ended by a zero byte."""
    return sha256_of_bytes("".join(f"{part}\0" for part in parts).encode())


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

    known: dict[str, str] = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            known[name] = __version__ if name == "salcompare" else importlib.metadata.version(name)
    return known


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
    raise TypeError(f"{type(value).__name__} has no canonical JSON form")


def sum_of(path: Path) -> str:
    """Size and SHA-256 of a file, as ``SIZE HEX``."""
    return f"{path.stat().st_size} {sha256_of_file(path)}"


def sums_of_folder(folder: Path) -> dict[str, str]:
    """Give `sum_of` every file under a folder, by its path from there."""
    return {path.relative_to(folder).as_posix(): sum_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def fault_of(path: Path, expected: str, *, since: int, whole: bool) -> str:
    """Say how a file differs from the `sum_of` it that was noted `since`; empty where it does not.

    What was changed after then (nanoseconds since 1970), and is text or a picture, was changed by hand. A file of the
    right size that was last changed before then is read only if `whole`.
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
    digest = _sha256(path)
    with path.open("ab") as stream:
        stream.write(_SUM + digest.encode() + b"\n")


def note_of(path: Path) -> dict[str, Any] | None:
    """Read a sealed file's note without checking the rest; None where there is none."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(path.stat().st_size - _LONGEST_NOTE, 0))
            end = stream.read()
        note = json.loads(end[end.rindex(_MARK) + len(_MARK):-_TAIL])
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) else None


def file_holds(path: Path) -> bool:
    """Whether a sealed file is as `seal_file` left it."""
    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - _TAIL, 0))
        tail = stream.read()
    return note_of(path) is not None and tail == _SUM + _sha256(path, but_last=_TAIL).encode() + b"\n"

"""Break files of every format in many ways and import them: nothing but boxes, reasons or one clear error may come out.

The suite runs a few thousand; ``python -m tests.sources.importers.fuzz_importers --inputs 100000`` runs as many as
asked for and prints how they ended.
"""

import argparse
import json
import math
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import pandas as pd

from salcompare.errors import InputError
from salcompare.sources.importers import FORMATS, Imported, Options, import_boxes, known_images
from tests.sources.importers.samples import FILES, HEIGHT, IDS, IMAGES, WIDTH, voc, yolo

CATALOGUE = known_images(IMAGES)
SAMPLES = [content.encode() for _, files in FILES.values() for name, content in files.items() if name != "classes.txt"]
NASTY: tuple[object, ...] = (
    None, True, False, 0, -1, 1e308, -1e308, 10**400, 1e-320, math.nan, math.inf, -math.inf, "", " ", "\x00", "\ud800",
    "\ufeff", "nan", "inf", "1e999", "-0", "0x10", "\u0663", "'", '"', "=1+1", "../../etc/passwd", "s1/1", "S1\\1.PNG",
    "a" * 5000, [], {}, [[]], [None], {"": None}, [1, 2, 3, 4], {"boundingBoxes": []}, [{"left": 1, "top": 1}])
TOKENS = (b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\r", b"\n", b"\r\n", b",", b";", b"\t", b'"', b'""', b"'",
          b"[", b"]", b"{", b"}", b"<", b">", b"&", b"</", b"/>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;",
          b"<![CDATA[", b"NaN", b"Infinity", b"-", b"e", b"1e999", b"null", b"true", b"\\u0000", b"\\ud83d",
          b"\xed\xa0\x80", b"[" * 3000,
          b'{"a":' * 2000, b"<a>" * 300, b"9" * 5000, b" " * 999)


def in_bytes(content: bytes, rng: random.Random) -> bytes:
    """Change bytes without regard for what they mean."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        at, to = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        length = min(to - at, rng.choice((1, 3, 30, 300)))
        kind = rng.randrange(7)
        if kind == 0:
            data[at:at + length] = b""
        elif kind == 1:
            data[at:at] = rng.choice(TOKENS)
        elif kind == 2:
            data[at:at + length] = rng.choice(TOKENS)
        elif kind == 3:
            data[at:at] = data[at:at + length]
        elif kind == 4:
            data[at:at + 1] = bytes([rng.randrange(256)])
        elif kind == 5:
            other = rng.choice(SAMPLES)
            start = rng.randrange(len(other))
            data[at:at] = other[start:start + length]
        else:
            data[at:] = data[at:] if rng.random() < 0.7 else b""
    return bytes(data)


def in_json(content: bytes, rng: random.Random) -> bytes:
    """Change values of JSON, which stays JSON; of JSON lines, each by itself."""
    text = content.decode(errors="replace")
    try:
        parts = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return in_cells(content, rng)
    if not parts:
        return from_nothing(content, rng)
    for _ in range(rng.choice((1, 1, 2, 5))):
        _change_one(parts, rng)
    return "\n".join(json.dumps(part) for part in parts).encode("utf-8", "surrogatepass")


def _change_one(root: list[object], rng: random.Random) -> None:
    places = [(parent, key) for parent, key in _places(root)]
    parent, key = rng.choice(places)
    kind = rng.randrange(6)
    if kind == 0:
        del parent[key]
        if not root:
            root.append(deepcopy(rng.choice(NASTY)))
    elif kind == 1:
        other, name = rng.choice(places)
        value = json.loads(json.dumps(other[name])) if name in other or isinstance(other, list) else None
        parent[key] = value
    elif kind == 2 and isinstance(parent, dict):
        parent[str(rng.choice(NASTY))] = parent.pop(key)
    elif kind == 3 and isinstance(parent, list):
        parent.insert(key, parent[key])
    else:
        parent[key] = deepcopy(rng.choice(NASTY))


def _places(value: object) -> Iterator[tuple[object, object]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def in_cells(content: bytes, rng: random.Random) -> bytes:
    """Change, drop, repeat or swap cells and rows of text."""
    rows = [line.split(b",") for line in content.split(b"\n")]
    for _ in range(rng.choice((1, 2, 6))):
        row = rng.choice(rows)
        at = rng.randrange(len(row)) if row else 0
        kind = rng.randrange(6)
        if kind == 0 and row:
            del row[at]
        elif kind == 1:
            row.insert(at, str(rng.choice(NASTY)).encode("utf-8", "surrogatepass"))
        elif kind == 2 and row:
            row[at] = rng.choice(TOKENS)
        elif kind == 3:
            rows.append(list(row))
        elif kind == 4:
            rng.shuffle(row)
        elif row:
            row[at] = rng.choice(rng.choice(rows) or [b""])
    return b"\n".join(b",".join(row) for row in rows)


def in_numbers(content: bytes, rng: random.Random) -> bytes:
    """Put other numbers where numbers stand, so that the file keeps its layout."""
    pieces, inside, out = content, False, bytearray()
    for byte in pieces:
        digit = chr(byte).isdigit() and byte < 128
        if digit and not inside and rng.random() < 0.05:
            out += str(rng.choice((0, -1, 7, 1e9, 0.5, "", "x", 10**30, 160, 200))).encode()
        if not digit or rng.random() < 0.97:
            out.append(byte)
        inside = digit
    return bytes(out)


def in_encoding(content: bytes, rng: random.Random) -> bytes:
    """Write the same text in another encoding."""
    text = content.decode(errors="replace")
    return text.encode(rng.choice(("utf-16", "utf-16-le", "utf-8-sig", "latin-1", "utf-32", "cp037")), "replace")


def from_nothing(content: bytes, rng: random.Random) -> bytes:
    """Write a file of random bytes, of tokens, or of a format's lines at random."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(rng.randrange(200))
    if kind == 1:
        return b"".join(rng.choice(TOKENS) for _ in range(rng.randrange(12)))
    edges = [rng.uniform(-20, 220) for _ in range(4)]
    if kind == 2:
        return voc(f"s{rng.randrange(4)}/{rng.randrange(4)}", rng.choice(("nose", "", "1")), *edges).encode()
    return "".join(yolo(rng.choice((0, 1, "nose", "")), *edges) for _ in range(3)).encode()


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    in_bytes, in_bytes, in_json, in_json, in_cells, in_numbers, in_numbers, in_encoding, from_nothing)


def broken_file(rng: random.Random) -> bytes:
    """A real file after one mutation or more."""
    content = rng.choice(SAMPLES)
    for _ in range(rng.choice((1, 1, 1, 2))):
        try:
            content = rng.choice(MUTATIONS)(content, rng) or b" "
        except RecursionError:  # JSON that Python reads but does not walk
            content = in_bytes(content, rng)
    return content


def check(path: Path, file_format: str | None, options: Options) -> str:
    """Import a file and hold what comes out to what is promised; gives how it ended."""
    try:
        imported = import_boxes(path, CATALOGUE, file_format=file_format, options=options)
    except InputError as error:
        wrong = error
    else:
        check_imported(imported)
        return "all taken" if imported.refused.empty else "taken and refused"
    assert wrong.problems
    assert str(wrong).encode()
    return "one clear error"


def check_imported(imported: Imported) -> None:
    """Every row is accounted for, and every box lies within its image."""
    taken, refused = records(imported.responses), records(imported.refused)
    assert len(taken) + len(refused) == imported.read
    assert taken
    for row in taken:
        assert row["image"] in IDS
        assert 0 <= row["x0"] < row["x1"] <= WIDTH
        assert 0 <= row["y0"] < row["y1"] <= HEIGHT
        assert row["worker"].strip()
        assert row["label"].strip()
    assert all(row["where"] and row["reason"] and row["detail"] for row in refused)
    keys = [tuple(row[name] for name in ("worker", "image", "label", "x0", "y0", "x1", "y1")) for row in taken]
    assert len(set(keys)) == len(keys)
    assert json.dumps([taken, refused], ensure_ascii=False).encode()
    assert imported.described.encode()


def records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Give the rows of a table, many times faster than pandas where they are few."""
    columns = {name: table[name].tolist() for name in table.columns}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def fuzz(inputs: int, seed: int, folder: Path, *, first: int = 0) -> Counter[str]:
    """Import so many broken files, counted from the first; gives how many ended in which way.

    Raises
    ------
    AssertionError
        At the first that ends otherwise; it is left in the folder.
    """
    ends = Counter[str]()
    for at in range(first, first + inputs):
        rng = random.Random(f"{seed} {at}")
        path = folder / "s1" / rng.choice(("1.txt", "1.csv", "1.json", "2.xml"))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(broken_file(rng))
        options = Options(clip=rng.random() < 0.3, worker=rng.choice(("", "ada")), voc_origin=rng.choice((0, 1)))
        file_format = rng.choice(FORMATS) if rng.random() < 0.2 else None
        if at > first and at % 1000 == 0:
            sys.stderr.write(f"{at:,} inputs: {dict(ends)}\n")
        try:
            ends[check(path, file_format, options)] += 1
        except Exception as error:
            message = f"input {at} of seed {seed}, {path}, format {file_format}, {options}: {error!r}"
            raise AssertionError(message) from error
    return ends


def main() -> None:
    """Run as many as asked for and print how they ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first, to go on or to repeat one")
    options = parser.parse_args()
    warnings.simplefilter("error")
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    (folder / "classes.txt").write_text("nose\nEyes\n")
    began = time.perf_counter()
    ends = fuzz(options.inputs, options.seed, folder, first=options.first)
    took = time.perf_counter() - began
    sys.stdout.write(f"{options.inputs:,} inputs, {took:.0f} s, no traceback: "
                     + ", ".join(f"{count:,} {end}" for end, count in ends.most_common()) + "\n")


if __name__ == "__main__":
    main()

"""Run the benchmarks one after another, each in a process of its own, and print one table of their ratios.

Run: python -m tests.benchmarks [repeats] [--only WORD] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.table import Row, markdown, table

HERE = Path(__file__).parent


def main() -> int:
    """Give 1 where a benchmark failed, that is where it could not run or its results differ from the peer's."""
    given = _arguments()
    names = sorted(path.stem for path in HERE.glob("bench_*.py") if given.only in path.stem)
    rows: list[Row] = []
    failed = []
    for at, name in enumerate(names, start=1):
        print(f"[{at}/{len(names)}] {name.removeprefix('bench_')}", flush=True)
        found = rows_of(name, given.repeats)
        failed += [] if found else [name]
        rows += found
    print(f"\n{table(rows)}")
    if failed:
        print(f"failed: {', '.join(failed)}")
    elif given.out:
        given.out.write_text(markdown(rows, about(given.repeats)), encoding="utf-8")
    return 1 if failed else 0


def rows_of(name: str, repeats: int | None) -> list[Row]:
    """Run one script and read its rows; none where it failed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        words = [f"tests.benchmarks.{name}", *([] if repeats is None else [str(repeats)]), "--rows", str(file)]
        done = subprocess.run([sys.executable, "-m", *words], check=False, cwd=HERE.parents[1])
        if done.returncode or not file.exists():
            return []
        return [Row(**row) for row in json.loads(file.read_text(encoding="utf-8"))]


def about(repeats: int | None) -> str:
    """Say how and where it was measured."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "pandas", "xarray", "torch"))
    rounds = "each script's own number of rounds" if repeats is None else f"{repeats} round(s)"
    return (f"Written by `python -m tests.benchmarks --out FILE`: CPU seconds on one thread, medians of {rounds} in "
            f"which ours and its peers run in turn.\n{_processor()}, {os.cpu_count()} cores, {platform.system()}; "
            f"Python {platform.python_version()}, {libraries}.")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    named = [text.split(":", 1)[1].strip() for text in lines if text.startswith("model name")]
    return named[0] if named else platform.machine()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("repeats", nargs="?", type=int, help="rounds of each case; each script has a number of its own")
    parser.add_argument("--only", default="", metavar="WORD", help="scripts whose name holds the word")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table to a Markdown page too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

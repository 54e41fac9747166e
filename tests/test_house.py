"""The house stays small and plainly named: lines, files, lengths of functions, and words that name nothing."""

import ast
import io
import tokenize
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "salcompare"
PRODUCT = [path for path in sorted(ROOT.rglob("*")) if path.suffix in {".py", ".css", ".js", ".html"}]
PYTHON = [path for path in PRODUCT if path.suffix == ".py"]
ROOMS = ROOT / "findings"
MOST_LINES, MOST_FILES = 39_107, 202  # of all but the findings' folders, which have bounds of their own
MOST_LINES_OF_A_ROOM, MOST_FILES_OF_A_ROOM, LONGEST = 1_400, 8, 40
VAGUE = {"own", "found", "asked", "judged", "needs", "drivers", "alike", "material"}
"""Words that say nothing of the thing that they name, which identifiers and files do without."""
ALLOWED = {("errors.py", "found")}  # what was found, beside what was expected


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines_of(paths: list[Path]) -> int:
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def test_the_product_is_no_longer_than_it_has_to_be():
    shared = [path for path in PRODUCT if path.parent.parent != ROOMS]
    assert lines_of(shared) <= MOST_LINES
    assert len([path for path in shared if path.suffix == ".py"]) <= MOST_FILES


@pytest.mark.parametrize("room", sorted(path.parent for path in ROOMS.glob("*/__init__.py")), ids=name)
def test_a_finding_is_a_room_and_no_house(room):
    files = [path for path in PRODUCT if path.parent == room]
    assert lines_of(files) <= MOST_LINES_OF_A_ROOM
    assert len(files) <= MOST_FILES_OF_A_ROOM


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function, its docstring aside."""
    first = function.body[0]
    docstring = first if ast.get_docstring(function) is not None else None
    return function.end_lineno - function.lineno + 1 - (
        0 if docstring is None else docstring.end_lineno - docstring.lineno + 1)


def test_no_function_is_long():
    long = [f"{name(path)}: {node.name}" for path in PYTHON for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and length(node) > LONGEST]
    assert long == []


def vague(path: Path) -> set[str]:
    """The identifiers of a file, and its name, that have a vague word in them."""
    tokens = list(tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline))
    names = {token.string for before, token in pairwise(tokens) if token.type == tokenize.NAME and before.string != "."}
    names |= {path.stem}  # attributes are named where they are defined
    return {one for one in names if VAGUE & set(one.lower().split("_")) and (path.name, one) not in ALLOWED}


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_identifiers_name_the_thing(path):
    assert vague(path) == set()


def test_a_vague_identifier_would_be_seen(tmp_path):
    (tmp_path / "material.py").write_text("def ask(found_rows, needs_it):\n    return 'found'\n")
    assert vague(tmp_path / "material.py") == {"material", "found_rows", "needs_it"}

"""The table that `make bench` ends with, on rows made up for it."""

import ast
import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.measure import Case, Peer, interleaved, measured
from tests.benchmarks.table import Row, cells, line, markdown, table

ROWS = [
    Row("quick thing", 0.0125, peer=1.25, name="slow peer", ratio=100.04, at_least=50),
    Row("short", 12.34, peer=6170.0, name="peer", ratio=500.0, scaled=True, at_least=600),
    Row("no peer", 3.0, below=2),
    Row("memory", 1.5, unit="GiB", below=2),
    Row("for its own sake", 1.0, peer=0.5, name="p", ratio=0.5),
]


def test_the_table_stands_in_columns():
    head, rule, *lines = table(ROWS).splitlines()
    starts = [head.index(word) for word in ("what", "peer's name")]
    assert all(text[at - 1:at].strip() == "" for text in lines[:5] for at in starts if at)
    assert rule.startswith("-" * len("for its own sake") + "  -")
    assert lines[0].split("  ")[0] == "quick thing"
    assert lines[0].endswith("yes")
    ends = [text.index(word) + len(word) for text, word in
            zip(lines[:2], (">= 50", ">= 600"), strict=True)]
    assert ends == [head.index("target") + len("target")] * 2


def test_a_row_says_what_was_measured_and_whether_the_target_is_met():
    written = [cells(row) for row in ROWS]
    assert written[0] == ("quick thing", "0.013 s", "1.25 s", "slow peer", "100", ">= 50", "yes")
    assert written[1] == ("short", "12.3 s", "~6,170 s", "peer", "500", ">= 600", "no")
    assert written[2] == ("no peer", "3.00 s", "", "", "", "< 2 s", "no")
    assert written[3][1::4] == ("1.50 GiB", "< 2 GiB")
    assert written[4][-2:] == ("", "")


def test_a_line_says_the_same_as_a_row():
    assert line(ROWS[1]) == "short: ours 12.3 s   peer ~6,170 s   ratio 500   target >= 600   met: no"
    assert line(ROWS[3]) == "memory: ours 1.50 GiB   target < 2 GiB   met: yes"


def test_the_page_has_a_row_a_row():
    page = markdown(ROWS, "Measured here.").splitlines()
    assert page[0] == "# Benchmarks"
    assert sum(text.startswith("| ") for text in page) == len(ROWS) + 2
    assert len({text.count("|") for text in page if text.startswith("| ")}) == 1


def test_the_first_round_warms_up_and_is_checked():
    calls = []
    case = Case("what", lambda: calls.append("ours"), (Peer("a", lambda: calls.append("a")),
                                                       Peer("b", lambda: calls.append("b"))))
    assert [len(taken) for taken in interleaved(case, 2)] == [2, 2, 2]
    assert calls == ["ours", "a", "b", "a", "b", "ours", "b", "ours", "a"]
    with pytest.raises(AssertionError):
        interleaved(Case("what", lambda: 1, (Peer("a", lambda: 2),), check=np.testing.assert_equal), 1)


def test_a_part_of_a_peer_counts_as_often_as_it_stands_for():
    def work():
        return sum(range(200_000))

    whole, part = measured(Case("what", work, (Peer("whole", work, 1), Peer("part", work, scale=100))), 3)
    assert part.scaled
    assert not whole.scaled
    assert part.ratio > 10 * whole.ratio


@pytest.mark.parametrize("name", sorted(path.stem for path in (Path(__file__).parent / "benchmarks").glob("bench_*")))
def test_benchmarks_call_ours_with_arguments_that_it_has(name):
    tree = ast.parse((Path(__file__).parent / "benchmarks" / f"{name}.py").read_text(encoding="utf-8"))
    ours = {name.asname or name.name: getattr(importlib.import_module(node.module), name.name)
            for node in tree.body if isinstance(node, ast.ImportFrom) and node.module.startswith("salcompare.")
            for name in node.names}
    of_ours = [(function, given, {one.arg: None for one in node.keywords if one.arg}) for node in ast.walk(tree)
               if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
               for function, *given in [node.args if node.func.id == "partial" else [node.func, *node.args]]
               if isinstance(function, ast.Name) and callable(ours.get(function.id))
               and not any(isinstance(one, ast.Starred) for one in given)]
    assert of_ours
    for function, given, named in of_ours:
        inspect.signature(ours[function.id]).bind_partial(*given, **named)  # TypeError where they do not fit

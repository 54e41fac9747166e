"""Names of sources, of the stages that make their maps and of the pages about them, and the order of names in lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from salcompare.config import FILE_NAME
from salcompare.errors import InputError, Problem, meant

if TYPE_CHECKING:
    from pathlib import Path

    from salcompare.config import Classifier

PRECOMPUTED = "precomputed"
"""Stands in a source's name where a trained classifier has its variant."""


class Stored(NamedTuple):
    """Where a source's maps are, and which stage makes them."""

    stage: str
    folder: Path
    name: str


def source_name(classifier: Classifier, variant: str, method: str) -> str:
    """Name a classifier's maps as a source, such as ``alexnet/finetuned/guided_backprop``."""
    return f"{classifier.name}/{variant}/{method}"


def seed_stage(stage: str, place: int) -> str:
    """Name the stage that does for another seed of a classifier, counted from 1, what `stage` does for the first."""
    return f"{stage} (seed {place + 1})"


def find_source(sources: Iterable[str], classifier: str | None, variant: str | None, method: str | None) -> str:
    """Name the source that is asked for, of a study's, which has of each classifier the main one last.

    What is not said is the first classifier, its last variant, its main method. If there is none, an `InputError` says
    what there is.
    """
    named: dict[str, dict[str, list[str]]] = {}  # classifier -> variant -> methods, the main one last
    for source in sources:
        name, of, by = source.split("/")
        named.setdefault(name, {}).setdefault(of, []).append(by)
    if not named:
        raise InputError(Problem(FILE_NAME, "the study has no classifier (classifier = [])", "a [[classifier]] or "
                                 "[[precomputed]]", "add one"))
    name = classifier or next(iter(named))
    if name not in named:
        raise InputError(Problem("classifier", repr(name), "one of " + ", ".join(named), meant(name, named)))
    variant = variant or list(named[name])[-1]
    if variant not in named[name]:
        raise InputError(Problem("variant", repr(variant), "one of " + ", ".join(named[name]),
                                 meant(variant, named[name])))
    method = method or named[name][variant][-1]
    if method not in named[name][variant]:
        raise InputError(Problem("method", repr(method), "one of " + ", ".join(named[name][variant]),
                                 f"name it in methods of [[classifier]] {name} or of [attribution] in study.toml"))
    return f"{name}/{variant}/{method}"


_DIGITS = re.compile(r"([0-9]+)")


def natural_key(value: object) -> tuple[object, ...]:
    """Sort key of one name: texts without regard to case and numbers by turns, then the name itself."""
    text = str(value)
    pieces = _DIGITS.split(text.casefold())
    return tuple(int(piece) if at % 2 else piece for at, piece in enumerate(pieces)), text


def by_classifier(sources: Iterable[str], names: Sequence[str]) -> list[str]:
    """Order sources by their classifiers, as `names` list these, and of each the main source, its last, first."""
    unique = list(dict.fromkeys(sources))
    order = dict.fromkeys([*names, *(source.split("/")[0] for source in unique)])
    return [source for name in order for source in unique[::-1] if source.split("/")[0] == name]


COMPARISON = "comparison.html"
"""The page that compares all classifiers."""


def classifier_file(name: str) -> str:
    """Name the file of a classifier's page."""
    return f"classifier-{name}.html"


def page_files(names: Iterable[str]) -> list[str]:
    """Name the files of all pages beside the report of these classifiers; without classifiers there is none."""
    files = [classifier_file(name) for name in names]
    return [COMPARISON, *files] if files else []

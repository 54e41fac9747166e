"""Names of sources and of the stages that make their maps."""

from __future__ import annotations

from collections.abc import Iterable
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
    """Name the source that is asked for; what is not said is the first classifier, its last variant, its main method.

    Parameters
    ----------
    sources : iterable of str
        Of the study; of each classifier the main one last.
    classifier, variant, method : str or None
        As the parts of a source's name.

    Raises
    ------
    InputError
        If there is none.
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

"""Names: of sources, which are read and written here alone, of pages, and the order of names in lists.

A source is ``human``, ``photographs``, a baseline such as ``baseline/centre``, a control such as
``randomised network``, or a classifier's: ``alexnet/finetuned/guided_backprop``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, NamedTuple

from salcompare.config import FILE_NAME
from salcompare.errors import InputError, Problem, meant

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from salcompare.config import Classifier

HUMAN, PHOTOGRAPHS = "human", "photographs"
RAW, SMOOTHED = "raw", "smoothed"
"""Forms of maps: as they are, and smoothed."""
PRIMARY = "pearson"
"""The metric that overlap is described by, on smoothed maps."""
PRECOMPUTED = "precomputed"
"""Stands in a source's name where a trained classifier has its variant."""
_DIGITS = re.compile(r"([0-9]+)")
_SOURCE = re.compile(r"([^/\s]+)/([^/\s]+)/([^/\s]+?)(?: \(seed ([0-9]+)\))?")


@dataclass(frozen=True)
class Source:
    """Maps of a classifier's variant by one attribution method; printed as ``alexnet/finetuned/guided_backprop``."""

    classifier: str  # as study.toml names it, like the other two
    variant: str  # of ready-made maps `PRECOMPUTED`
    method: str
    place: int = 0  # of the training seed among the classifier's, 0 for the study's own

    def __str__(self) -> str:
        return seeded(f"{self.classifier}/{self.variant}/{self.method}", self.place)

    @property
    def network(self) -> str:
        """The classifier and its variant, such as ``alexnet/finetuned``."""
        return network(self.classifier, self.variant)

    @classmethod
    def parse(cls, name: object) -> Source | None:
        """Read a source's name; None where it is no classifier's."""
        parts = _SOURCE.fullmatch(str(name))
        return cls(parts[1], parts[2], parts[3], int(parts[4] or 1) - 1) if parts else None


class Stored(NamedTuple):
    """Where a source's maps are, and which stage makes them."""

    stage: str
    folder: Path
    name: str


def source_of(classifier: Classifier, variant: str, method: str) -> str:
    """Name a classifier's maps as a source, such as ``alexnet/finetuned/guided_backprop``."""
    return str(Source(classifier.name, variant, method))


def is_source(name: object) -> bool:
    """Whether a name is a classifier's source."""
    return Source.parse(name) is not None


def network(classifier: object, variant: object) -> str:
    """Name a classifier's variant, such as ``alexnet/finetuned``."""
    return f"{classifier}/{variant}"


def within(names: pd.Series[str], classifier: str) -> pd.Series[str]:
    """Name a classifier's sources without it, as on a page of its own: ``finetuned/guided_backprop``."""
    return names.str.removeprefix(f"{classifier}/")


def network_of(name: object) -> str:
    """Name the network that a source is of, such as ``alexnet/finetuned``; empty where it is no classifier's."""
    source = Source.parse(name)
    return source.network if source else ""


def variant_of(name: object) -> str:
    """Name the variant that a source, or a network such as ``alexnet/finetuned``, is of; empty where there is none."""
    return str(name).partition("/")[2].partition("/")[0]


def seeded(name: str, place: int) -> str:
    """Name what is done for a classifier's training seed at a place, 0 for the study's own: ``train net (seed 2)``."""
    return f"{name} (seed {place + 1})" if place else name


def classifier_sources(names: Iterable[object]) -> list[str]:
    """Those of the names that are a classifier's sources, each once, in their order."""
    return list(dict.fromkeys(str(name) for name in names if is_source(name)))


def classifier_of(name: object) -> str:
    """Name the classifier that a source, or a network such as ``alexnet/finetuned``, is of."""
    return str(name).split("/")[0]


def main_source(sources: Iterable[object]) -> str | None:
    """Name the source that is spoken of where one is: of the first classifier the last; None where there is none."""
    known = classifier_sources(sources)
    return [source for source in known if classifier_of(source) == classifier_of(known[0])][-1] if known else None


def by_classifier(sources: Iterable[str], names: Sequence[str]) -> list[str]:
    """Order sources by their classifiers, as `names` list these, and of each the main source, its last, first."""
    known = list(dict.fromkeys(sources))
    order = dict.fromkeys([*names, *map(classifier_of, known)])
    return [source for name in order for source in known[::-1] if classifier_of(source) == name]


def compared_sources(sources: Sequence[str]) -> list[tuple[str, str]]:
    """Choose the pairs of sources to compare; the later one comes first: finetuned less frozen.

    They are variants of one classifier by one method, one variant's maps by two methods, and the last sources of two
    classifiers.
    """
    parts = {source: astuple(parsed) for source in sources if (parsed := Source.parse(source))}
    last = {classifier_of(source): source for source in sources}.values()
    return [(one, other) for at, one in enumerate(sources) for other in sources[:at]
            if (classifier_of(one) == classifier_of(other)
                and sum(a != b for a, b in zip(parts[one], parts[other], strict=True)) == 1)
            or (one in last and other in last)]


def find_source(sources: Iterable[str], classifier: str | None, variant: str | None, method: str | None) -> str:
    """Name the source that is asked for, of a study's, which has of each classifier the main one last.

    What is not said is the first classifier, its last variant, its main method. If there is none, an `InputError` says
    what there is.
    """
    left = [source for source in map(Source.parse, sources) if source]
    if not left:
        raise InputError(Problem(FILE_NAME, "the study has no classifier (classifier = [])", "a [[classifier]] or "
                                 "[[precomputed]]", "add one"))
    for part, wanted, first in (("classifier", classifier, True), ("variant", variant, False),
                                ("method", method, False)):
        names = list(dict.fromkeys(str(getattr(source, part)) for source in left))
        name = wanted or names[0 if first else -1]
        if name not in names:
            hint = (f"name it in methods of [[classifier]] {left[0].classifier} or of [attribution] in study.toml"
                    if part == "method" else meant(name, names))
            raise InputError(Problem(part, repr(name), "one of " + ", ".join(names), hint))
        left = [source for source in left if getattr(source, part) == name]
    return str(left[-1])


def natural_key(value: object) -> tuple[object, ...]:
    """Sort key of one name: texts without regard to case and numbers by turns, then the name itself."""
    text = str(value)
    pieces = _DIGITS.split(text.casefold())
    return tuple(int(piece) if at % 2 else piece for at, piece in enumerate(pieces)), text


COMPARISON = "comparison.html"
LANDMARKS_PAGE = "landmarks.html"
"""The page that compares all classifiers."""


def classifier_file(name: str) -> str:
    """Name the file of a classifier's page."""
    return f"classifier-{name}.html"


def page_files(names: Iterable[str]) -> list[str]:
    """Name the files of all pages beside the report of these classifiers; without classifiers there is none."""
    files = [classifier_file(name) for name in names]
    return [COMPARISON, *files] if files else []

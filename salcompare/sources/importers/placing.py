"""From a box as a file has it to a response on an image of the study, or the reason why it is none."""

from __future__ import annotations

import math
import struct
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from salcompare.sources.importers.entries import Drawn, Edges, Entry, Refused, RefusedError, check_visible, show, text
from salcompare.sources.importers.matching import Catalogue, Image
from salcompare.sources.importers.options import Options
from salcompare.sources.labels import normalise_label

LONGEST_LABEL = 100
LONGEST_WORKER = 200
DIGITS = 6
"""Decimals of a pixel that are kept; what differs by less is rounding."""
SAME_ASPECT, OTHER_ASPECT = 0.02, 0.05
_KEY = struct.Struct("<3I4d")
Row = tuple[str, str, str, float, float, float, float, float | None, str, str, str]
"""worker, image, label, x0, y0, x1, y1, seconds, submitted, origin and record."""


@dataclass
class Placing:
    """Entries on their way to responses: what has been seen already, and what has been done to boxes."""

    catalogue: Catalogue
    options: Options
    origin: str
    seen: set[bytes] = field(default_factory=set)
    unnamed: int = 0
    rescaled: int = 0
    reshaped: int = 0
    cut: int = 0
    measured: int = 0
    highest: float = -math.inf
    whole: bool = True
    untested: Counter[str] = field(default_factory=Counter)
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    @cached_property
    def _fixed(self) -> tuple[str, ...]:
        return (self.options.image,) if self.options.image else ()

    @property
    def looks_relative(self) -> bool:
        """Whether every box that should be in pixels lies within the first, with edges that are no whole numbers."""
        return self.measured > 1 and not self.whole and self.highest <= 1

    def _number(self, kind: str, name: str) -> int:
        return self._numbers.setdefault((kind, name), len(self._numbers))

    def place(self, one: Entry) -> Row | Refused:
        """Give a response's row, or why there is none."""
        if isinstance(one, Refused):
            return one
        try:
            return self._row(one)
        except RefusedError as error:
            image = one.names[0] if one.names else ""
            return Refused(one.where, error.reason, error.detail, one.worker, image)

    def _row(self, one: Drawn) -> Row:
        image = self.catalogue.find(one.names or self._fixed)
        label, counted = _label(one.label)
        worker = one.worker or self.options.worker
        check_visible(worker, "worker")
        if len(worker) > LONGEST_WORKER:
            raise RefusedError("long_worker", f"worker {show(worker)} has {len(worker)} characters")
        if not one.relative and (one.size is None or min(one.size) > 1):
            self.measured += 1
            self.highest = max(self.highest, *one.edges)
            self.whole = self.whole and all(edge == int(edge) for edge in one.edges)
        edges, cut = _edges(one, image, clip=self.options.clip)
        key = _KEY.pack(self._number("worker", worker), self._number("image", image.image),
                        self._number("label", counted), *edges)
        if key in self.seen:
            raise RefusedError("duplicate_response", "the same box with the same label as one above, of one worker")
        self.seen.add(key)
        self.unnamed += not one.worker
        self.cut += cut
        if not image.tested:
            self.untested[image.image] += 1
        if one.size not in {None, (image.width, image.height)} and not one.relative:
            self.rescaled += 1
            self.reshaped += abs(_ratio(one, image) * image.height / image.width - 1) > OTHER_ASPECT
        return (_kept(worker), image.image, label, *edges, one.seconds, one.submitted, _kept(self.origin),
                text(one.where))


@lru_cache(maxsize=1 << 12)
def _kept(name: str) -> str:
    """Give one text for each name, however many rows have it."""
    return name


@lru_cache(maxsize=1 << 12)
def _label(label: str) -> tuple[str, str]:
    """Check a label; gives it as it is written and as it counts.

    Raises
    ------
    RefusedError
        If it is empty, too long, or holds no letter.
    """
    if not normalise_label(label):
        raise RefusedError("empty_label", "the label is empty")
    if len(label) > LONGEST_LABEL:
        raise RefusedError("junk_label", f"label {show(label)} has {len(label)} characters")
    if not any(character.isalpha() for character in label):
        raise RefusedError("junk_label", f"label {show(label)} has no letter")
    return label, normalise_label(label)


def _edges(one: Drawn, image: Image, *, clip: bool) -> tuple[Edges, bool]:
    """Bring a box to pixels of the image; gives whether it was cut, too."""
    width, height = one.size or (image.width, image.height)
    _check_turned(_ratio(one, image), image)
    x0, y0, x1, y1 = one.edges
    spans, cut = [], False
    for low, high, drawn, side, name in ((x0, x1, width, image.width, "x"), (y0, y1, height, image.height, "y")):
        first, last = round(low * side / drawn, DIGITS), round(high * side / drawn, DIGITS)
        if last == first:
            raise RefusedError("no_area", f"{name}0 and {name}1 are {first:g}: the box has no "
                               + ("width" if name == "x" else "height"))
        if last < first:
            raise RefusedError("swapped_corners", f"{name}1={last:g} < {name}0={first:g}")
        kept = max(first, 0.0) + 0.0, min(last, side)  # + 0.0 makes -0.0 plain
        if kept != (first, last) and (not clip or kept[1] <= kept[0]):
            raise RefusedError("outside", f"{name} runs from {first:g} to {last:g}, image {image.image!r} from 0 to "
                               f"{side:g}" + ("" if clip else "; cut such boxes with --clip"))
        cut |= kept != (first, last)
        spans.append(kept)
    return (spans[0][0], spans[1][0], spans[0][1], spans[1][1]), cut


def _ratio(one: Drawn, image: Image) -> float:
    """Give how many times wider than high the image was on which a box was drawn, as far as the file says."""
    width, height = (image.width, image.height) if one.size is None or one.relative else one.size
    return width / height


def _check_turned(drawn: float, image: Image) -> None:
    """Refuse a box drawn on the image lying on its side, as tools show photographs whose EXIF turns them."""
    upright, turned = image.width / image.height, image.height / image.width
    if abs(drawn / turned - 1) < SAME_ASPECT and abs(drawn / upright - 1) > OTHER_ASPECT:
        raise RefusedError("turned", f"was drawn on an image {drawn:.3g} times as wide as high, image {image.image!r} "
                           f"is {upright:.3g} times: it was shown turned")

"""From a box as a file has it to a response on an image of the study, or the reason why it is none."""

import math
import posixpath
import struct
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote

import pandas as pd

from salcompare.naming import natural_key
from salcompare.sources.importers import entries
from salcompare.sources.importers.entries import Drawn, Edges, Entry, Options, Refused, RefusedError, show, text
from salcompare.sources.rows import normalise_label

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pnm",
                      ".avif", ".jp2"})
_SHOWN = 5
_DEEPEST = 12  # folders of a path that are looked at


@dataclass(frozen=True)
class Image:
    """An image of the catalogue: its id and actor, its size in pixels as shown, and whether it is kept for testing."""

    image: str
    actor: str
    width: float
    height: float
    tested: bool = True


class Catalogue:
    """The study's images, found by a file's name.

    A name is a path or an address. It means the image whose id, or whose file, ends as the name does; the longest end
    that any image has decides. With or without the ending of the file (.jpg), upper or lower case, the case as it is
    written before any other; an id's slash may be written _ or -. Two images that end alike are both refused, and so
    is a bare number of another folder, for images of several actors are often numbered alike. `images` has columns
    image, actor, height and width, and optionally file and split.
    """

    def __init__(self, images: pd.DataFrame) -> None:
        self._exact: defaultdict[str, dict[Image, None]] = defaultdict(dict)
        self._tails: defaultdict[str, dict[Image, None]] = defaultdict(dict)
        files = images["file"].tolist() if "file" in images else [""] * len(images)
        tested = images["split"].eq("test").tolist() if "split" in images else [True] * len(images)
        columns = (images[name].tolist() for name in ("image", "actor", "width", "height"))
        for (identifier, actor, width, height), file, is_test in zip(zip(*columns, strict=True), files, tested,
                                                                     strict=True):
            image = Image(str(identifier), str(actor), float(width), float(height), is_test)
            for name in (image.image, str(file)):
                for parts, tails in ((_parts(name), self._exact), (_parts(_folded(name)), self._tails)):
                    for tail in _tails(parts):
                        for key in {tail, _without_suffix(tail)} - {""}:
                            tails[key][image] = None
            for joint in "_-":
                self._exact[_composed(image.image).replace("/", joint)][image] = None
                self._tails[_folded(image.image).replace("/", joint)][image] = None
        self.ids = tuple(map(str, images["image"].tolist()))
        self._actors = {_folded(str(actor)) for actor in images["actor"].unique()}
        self.find = lru_cache(maxsize=1 << 16)(self._find)

    def _find(self, names: tuple[str, ...]) -> Image:
        """Find the image that the first of several names means that means any; refused if one means several."""
        if not names:
            raise RefusedError("no_image", "names no image")
        for name in names:
            entries.check_visible(name, "image")
            matches = self._matches(name)
            if len(matches) > 1:
                some = sorted((image.image for image in matches), key=natural_key)
                raise RefusedError("ambiguous_image", f"{show(name)} may be any of " + ", ".join(some[:_SHOWN])
                                   + (f" and {len(some) - _SHOWN} more" if len(some) > _SHOWN else "")
                                   + "; name its folder too, or rename the files")
            if matches:
                return matches[0]
        raise RefusedError("unknown_image", f"the study has no image {show(names[0])}")

    def _matches(self, name: str) -> list[Image]:
        exact, folded = _parts(name), _parts(_folded(name))
        for written, tail in zip(_tails(exact), _tails(folded), strict=True):
            rest = folded[:len(folded) - tail.count("/") - 1]
            for key, same in ((tail, written), (_without_suffix(tail), _without_suffix(written))):
                images = self._exact.get(same) or self._tails.get(key)
                if key and images:
                    return [image for image in images if self._agrees(image, rest, key)]
        return []

    def _agrees(self, image: Image, rest: list[str], key: str) -> bool:
        """Whether the folders before the end that matched do not speak against it."""
        if key.isdigit() and rest and "/" in image.image:
            return rest[-1] == _folded(image.actor)
        return not any(part in self._actors and part != _folded(image.actor) for part in rest)


def _parts(name: str) -> list[str]:
    """Split a path or an address into its parts, without scheme, query and fragment."""
    scheme, mark, rest = name.partition("://")
    path = (rest.partition("?")[0].partition("#")[0].partition("/")[2] if mark and scheme.isalnum() else name)
    clean = posixpath.normpath(unquote(path).replace("\\", "/"))
    return [part for part in _composed(clean).split("/") if part not in {"", ".", ".."}]


def _tails(parts: list[str]) -> Iterator[str]:
    """Give the ends of a path, longest first."""
    return ("/".join(parts[at:]) for at in range(max(len(parts) - _DEEPEST, 0), len(parts)))


def _without_suffix(tail: str) -> str:
    stem, suffix = posixpath.splitext(tail)
    return stem if suffix.casefold() in SUFFIXES else tail


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _folded(name: str) -> str:
    return _composed(name).casefold()


_LONGEST_LABEL = 100
_LONGEST_WORKER = 200
_DIGITS = 6
"""Decimals of a pixel that are kept; what differs by less is rounding."""
_SAME_ASPECT, _OTHER_ASPECT = 0.02, 0.05
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
        image = self.catalogue.find(one.names or entries.spelt(self.options.image))
        label, counted = _label(one.label)
        worker = one.worker or self.options.worker
        entries.check_visible(worker, "worker")
        if len(worker) > _LONGEST_WORKER:
            raise RefusedError("long_worker", f"worker {show(worker)} has {len(worker)} characters")
        if not one.relative and (one.size is None or min(one.size) > 1):
            self.measured += 1
            self.highest = max(self.highest, *one.edges)
            self.whole = self.whole and all(edge == int(edge) for edge in one.edges)
        edges, cut = _on_image(one, image, clip=self.options.clip)
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
            self.reshaped += abs(_ratio(one, image) * image.height / image.width - 1) > _OTHER_ASPECT
        return (sys.intern(worker), image.image, label, *edges, one.seconds, one.submitted, self.origin,
                text(one.where))  # interned, one text serves however many rows


@lru_cache(maxsize=1 << 12)
def _label(label: str) -> tuple[str, str]:
    """Check a label; gives it as it is written and as it counts."""
    if not normalise_label(label):
        raise RefusedError("empty_label", "the label is empty")
    if len(label) > _LONGEST_LABEL:
        raise RefusedError("junk_label", f"label {show(label)} has {len(label)} characters")
    if not any(character.isalpha() for character in label):
        raise RefusedError("junk_label", f"label {show(label)} has no letter")
    return label, normalise_label(label)


def _on_image(one: Drawn, image: Image, *, clip: bool) -> tuple[Edges, bool]:
    """Bring a box to pixels of the image; gives whether it was cut, too."""
    width, height = one.size or (image.width, image.height)
    ratio, upright, turned = _ratio(one, image), image.width / image.height, image.height / image.width
    if abs(ratio / turned - 1) < _SAME_ASPECT and abs(ratio / upright - 1) > _OTHER_ASPECT:  # as EXIF turns photographs
        raise RefusedError("turned", f"was drawn on an image {ratio:.3g} times as wide as high, image {image.image!r} "
                           f"is {upright:.3g} times: it was shown turned")
    x0, y0, x1, y1 = one.edges
    spans, cut = [], False
    for low, high, drawn, side, name in ((x0, x1, width, image.width, "x"), (y0, y1, height, image.height, "y")):
        first, last = round(low * side / drawn, _DIGITS), round(high * side / drawn, _DIGITS)
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

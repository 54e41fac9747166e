"""Which image of the study a file means, by the names that other tools give to images."""

from __future__ import annotations

import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

import pandas as pd

from salcompare.ordering import natural_key
from salcompare.sources.importers.entries import RefusedError, check_visible, show

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pnm",
                      ".avif", ".jp2"})
SHOWN = 5
DEEPEST = 12  # folders of a path that are looked at


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
    is a bare number of another folder, for images of several actors are often numbered alike.

    Parameters
    ----------
    images : DataFrame
        Columns image, actor, height and width; optional file and split.
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
        """Find the image that the first of several names means that means any.

        Raises
        ------
        RefusedError
            If none does, or one means several images.
        """
        if not names:
            raise RefusedError("no_image", "names no image")
        for name in names:
            check_visible(name, "image")
            found = self._matches(name)
            if len(found) > 1:
                some = sorted((image.image for image in found), key=natural_key)
                raise RefusedError("ambiguous_image", f"{show(name)} may be any of " + ", ".join(some[:SHOWN])
                                   + (f" and {len(some) - SHOWN} more" if len(some) > SHOWN else "")
                                   + "; name its folder too, or rename the files")
            if found:
                return found[0]
        raise RefusedError("unknown_image", f"the study has no image {show(names[0])}")

    def _matches(self, name: str) -> list[Image]:
        exact, folded = _parts(name), _parts(_folded(name))
        for written, tail in zip(_tails(exact), _tails(folded), strict=True):
            rest = folded[:len(folded) - tail.count("/") - 1]
            for key, same in ((tail, written), (_without_suffix(tail), _without_suffix(written))):
                found = self._exact.get(same) or self._tails.get(key)
                if key and found:
                    return [image for image in found if self._agrees(image, rest, key)]
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
    return ("/".join(parts[at:]) for at in range(max(len(parts) - DEEPEST, 0), len(parts)))


def _without_suffix(tail: str) -> str:
    stem, suffix = posixpath.splitext(tail)
    return stem if suffix.casefold() in SUFFIXES else tail


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _folded(name: str) -> str:
    return _composed(name).casefold()

"""Which image an answer of Mechanical Turk is about: the assignment's inputs, of which there may be several."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from salcompare.sources.importers.entries import identifier

IMAGE_COLUMNS = ("input.image_url", "input.image", "input.image_id", "input.url", "input.img_url", "input.img",
                 "input.filename", "input.file", "input.path", "input.photo")
LONGEST_NAME = 2000
_NUMBERED_INPUT = re.compile(r"input\..*?(?:image|img|photo|picture|face|url|file|path).*?(\d{1,4})")
_IMAGE_ANSWER = re.compile(r"answer\..*(?:image|img|photo|picture|file|url)")
_NUMBER = re.compile(r"\d{1,4}$")
Row = Mapping[str, str]


@dataclass(frozen=True)
class Shown:
    """The images that an assignment shows.

    Attributes
    ----------
    several : mapping of int to str
        Of an assignment with several images, each by the number that ends its column's name; else empty. A page with
        five images has inputs such as image_url_0 to image_url_4, and crowd elements named likewise.
    only : tuple of str
        What may name the image of an assignment with one: the columns that say so; without them any other input, or
        else what the page sent back. Those are no numbers, for a count or a size may look like an image's.
    """

    several: Mapping[int, str]
    only: tuple[str, ...]

    @property
    def first(self) -> str:
        """What names the assignment's image, where there is one."""
        return self.only[0] if self.only else ""

    def names(self, element: str) -> tuple[str, ...]:
        """Give what may name the image that an answer's element shows; nothing where it may be any of several."""
        if not self.several:
            return self.only
        number = _NUMBER.search(element)
        return (self.several[int(number[0])],) if number and int(number[0]) in self.several else ()


class Columns(NamedTuple):
    """A table's columns by what they hold: images by number, images, inputs, answers that name images, answers."""

    numbered: tuple[tuple[str, int], ...]
    stated: tuple[str, ...]
    inputs: tuple[str, ...]
    named: tuple[str, ...]
    answers: tuple[str, ...]


def sorted_columns(names: Sequence[str]) -> Columns:
    """Sort a table's columns by what they hold."""
    matches = [(name, _NUMBERED_INPUT.fullmatch(name)) for name in names]
    return Columns(tuple((name, int(match[1])) for name, match in matches if match),
                   tuple(name for name in IMAGE_COLUMNS if name in names),
                   tuple(name for name in names if name.startswith("input.")),
                   tuple(name for name in names if _IMAGE_ANSWER.match(name)),
                   tuple(name for name in names if name.startswith("answer.")))


def shown_images(row: Row, columns: Columns, fixed: str = "") -> Shown:
    """Find the images of an assignment; `fixed` is the one of a page that names none of its own."""
    found: dict[int, str] = {}
    for column, number in columns.numbered:
        name = identifier(row[column])
        if _is_name(name):
            found.setdefault(number, name)
    if len(set(found.values())) > 1:
        return Shown(found, ())
    stated = _names(row, columns.stated)
    if stated or fixed:
        return Shown({}, stated or (fixed,))
    return Shown({}, _words(row, columns.inputs) or _words(row, columns.named))


def _names(row: Row, columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(filter(_is_name, [identifier(row[column]) for column in columns]))


def _words(row: Row, columns: tuple[str, ...]) -> tuple[str, ...]:
    return _names(row, tuple(name for name in columns if any(map(str.isalpha, row[name]))))


def _is_name(name: str) -> bool:
    return bool(name) and len(name) < LONGEST_NAME and name[0] not in "[{"

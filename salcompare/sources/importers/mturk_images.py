"""Which image an answer of Mechanical Turk is about: the assignment's inputs, of which there may be several."""

from __future__ import annotations

import re
from collections.abc import Mapping

from salcompare.sources.importers.entries import text

IMAGE_COLUMNS = ("input.image_url", "input.image", "input.image_id", "input.url", "input.img_url", "input.img",
                 "input.filename", "input.file", "input.path", "input.photo")
LONGEST_NAME = 2000
_NUMBERED_INPUT = re.compile(r"input\..*?(?:image|img|photo|picture|face|url|file|path).*?(\d{1,4})")
_IMAGE_ANSWER = re.compile(r"answer\..*(?:image|img|photo|picture|file|url)")
_NUMBER = re.compile(r"\d{1,4}$")
Row = Mapping[str, str]


def several_images(row: Row) -> dict[int, str]:
    """Give the images of an assignment that shows several, by the number that ends their columns' names.

    A page with five images has inputs such as image_url_0 to image_url_4, and crowd elements named likewise.
    """
    found: dict[int, str] = {}
    for column, cell in row.items():
        numbered = _NUMBERED_INPUT.fullmatch(column)
        if numbered and _is_name(text(cell)):
            found.setdefault(int(numbered[1]), text(cell))
    return found if len(set(found.values())) > 1 else {}


def image_names(row: Row, element: str) -> tuple[str, ...]:
    """Give what may name the image that an answer's element shows; nothing where it may be any of several.

    Of an assignment with one image these are the columns that say so; without them any other input, or else what the
    page sent back. Those are no numbers, for a count or a size may look like an image's.
    """
    several = several_images(row)
    if several:
        number = _NUMBER.search(element)
        return (several[int(number[0])],) if number and int(number[0]) in several else ()
    stated = [text(row[column]) for column in IMAGE_COLUMNS if column in row]
    inputs = [text(cell) for column, cell in row.items() if column.startswith("input.") and not _is_number(cell)]
    answers = [text(cell) for column, cell in row.items() if _IMAGE_ANSWER.match(column) and not _is_number(cell)]
    found = (tuple(filter(_is_name, names)) for names in (stated, inputs, answers))
    return next(filter(None, found), ())


def _is_number(cell: str) -> bool:
    return not any(character.isalpha() for character in cell)


def _is_name(name: str) -> bool:
    return bool(name) and len(name) < LONGEST_NAME and name[0] not in "[{"

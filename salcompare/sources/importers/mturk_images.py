"""Which image an answer of Mechanical Turk is about: the assignment's inputs, of which there may be several."""

from __future__ import annotations

import re
from collections.abc import Mapping

from salcompare.sources.importers.entries import text

IMAGE_COLUMNS = ("input.image_url", "input.image", "input.image_id", "input.url", "input.img_url", "input.img",
                 "input.filename", "input.file", "input.path", "input.photo")
LONGEST_NAME = 2000
_NUMBERED_INPUT = re.compile(r"input\..*?(?:image|img|photo|picture|face|url|file|path).*?(\d{1,4})")
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

    Of an assignment with one image these are the columns that say so, then any other input, then what the page sent
    back.
    """
    several = several_images(row)
    if several:
        number = _NUMBER.search(element)
        return (several[int(number[0])],) if number and int(number[0]) in several else ()
    inputs = [column for column in row if column.startswith("input.")]
    answers = [column for column in row if column.startswith("answer.") and re.search(r"image|photo|file|url", column)]
    found = (text(row[column]) for column in dict.fromkeys((*IMAGE_COLUMNS, *inputs, *answers)) if column in row)
    return tuple(name for name in found if _is_name(name))


def _is_name(name: str) -> bool:
    return bool(name) and len(name) < LONGEST_NAME and name[0] not in "[{"

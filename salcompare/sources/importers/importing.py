"""A file or a folder of boxes to responses of the study, every row accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from salcompare.errors import InputError, MissingDependencyError, Problem, meant
from salcompare.schema import Column, Table, check_table
from salcompare.sources.candidates import files_under, is_hidden, show
from salcompare.sources.importers.coco import read_coco
from salcompare.sources.importers.content import Content, read_content
from salcompare.sources.importers.cvat import read_cvat
from salcompare.sources.importers.detection import FORMATS, detect_format
from salcompare.sources.importers.entries import Entry, Refused, RefusedError, text
from salcompare.sources.importers.ground_truth import read_ground_truth
from salcompare.sources.importers.label_studio import read_label_studio
from salcompare.sources.importers.labelme import read_labelme
from salcompare.sources.importers.matching import Catalogue
from salcompare.sources.importers.mturk import read_mturk
from salcompare.sources.importers.options import ALL_STATUSES, Options
from salcompare.sources.importers.placing import Placing
from salcompare.sources.importers.reasons import words
from salcompare.sources.importers.via import read_via_csv, read_via_json
from salcompare.sources.importers.voc import read_voc
from salcompare.sources.importers.yolo import CLASS_FILES, read_yolo
from salcompare.sources.left_out import EXAMPLES
from salcompare.texts import hidden_in

READERS: dict[str, Callable[[Content, Options], Iterator[Entry]]] = {
    "mturk": read_mturk, "label-studio": read_label_studio, "via-csv": read_via_csv, "via-json": read_via_json,
    "ground-truth": read_ground_truth, "coco": read_coco, "cvat": read_cvat, "voc": read_voc,
    "labelme": read_labelme, "yolo": read_yolo,
}
SUFFIXES = frozenset({".json", ".jsonl", ".manifest", ".xml", ".csv", ".tsv", ".txt"})
"""Endings of the files of a folder that are read; others, such as photographs, are passed over."""
LONGEST_CELL = 300
COLUMNS = ("worker", "image", "label", "x0", "y0", "x1", "y1", "seconds", "submitted", "origin", "record")
NUMBERS = frozenset({"x0", "y0", "x1", "y1", "seconds"})
IMAGES = Table("images", (
    Column("image", "text", "the image's id"),
    Column("actor", "text", "the person shown"),
    Column("height", "number", "pixels, as it was shown", low=1),
    Column("width", "number", "pixels, as it was shown", low=1),
), key="image")


@dataclass(frozen=True)
class Imported:
    """What an import took and what it left: every row read is one or the other.

    Attributes
    ----------
    responses : DataFrame
        One row a box: worker, image, label, x0, y0, x1, y1, seconds, submitted, origin, and record, its place in the
        file. Pixels of the image as shown, half-open.
    refused : DataFrame
        where, reason, detail, worker and image of what was not taken, one row each.
    formats : tuple of str
        In what formats the files were.
    read : int
        Rows read: boxes, and assignments, images or lines that hold none.
    notes : tuple of str
        What was done to boxes, in plain words.
    """

    responses: pd.DataFrame
    refused: pd.DataFrame
    formats: tuple[str, ...]
    read: int
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.responses) + len(self.refused) != self.read:
            message = f"{len(self.responses)} taken + {len(self.refused)} refused != {self.read} read"
            raise AssertionError(message)

    @property
    def described(self) -> str:
        """The account in a few lines, most frequent reason first."""
        lines = [f"{' and '.join(self.formats)}: {self.read:,} rows read = {len(self.responses):,} taken + "
                 f"{len(self.refused):,} refused"]
        refused = zip(*(self.refused[name].tolist() for name in ("reason", "where", "detail")), strict=True)
        return "\n".join([*lines, *_by_reason(refused), *self.notes])


def import_responses(path: Path, images: pd.DataFrame, *, file_format: str | None = None,
                     options: Options | None = None) -> Imported:
    """Bring boxes that were drawn elsewhere to responses on the images of a study.

    Parameters
    ----------
    path : Path
        A file of one of `FORMATS`, or a folder of such files.
    images : DataFrame
        The catalogue, columns image, actor, height and width, and file where names of files shall be found too.
    file_format : str, optional
        One of `FORMATS`; told from each file's content if not given.
    options : Options, optional

    Returns
    -------
    Imported

    Raises
    ------
    InputError
        If the path cannot be read as a whole, or no row is taken; naming the reasons.
    MissingDependencyError
        If the format needs globox or defusedxml, which are not installed.
    """
    return import_boxes(path, known_images(images), file_format=file_format, options=options)


def known_images(images: pd.DataFrame) -> Catalogue:
    """Check a catalogue of images, and make them known by their names.

    Raises
    ------
    InputError
        If a row lacks what it needs.
    """
    check_table(images, IMAGES, "images")
    return Catalogue(images)


def import_boxes(path: Path, catalogue: Catalogue, *, file_format: str | None = None,
                 options: Options | None = None) -> Imported:
    """Import as `import_responses` does, for images that are known already."""
    chosen = options or Options()
    _check(file_format, chosen)
    if chosen.image:
        _check_image(chosen.image, catalogue)
    worker = chosen.worker.strip() or text(path.stem) or "unnamed"
    placing = Placing(catalogue, replace(chosen, worker=worker), text(path.name))
    columns: dict[str, list[object]] = {name: [] for name in COLUMNS}
    add = [columns[name].append for name in COLUMNS]
    refused, formats, read = [], Counter[str](), 0
    for found, one in _entries(path, file_format, chosen):
        read += 1
        formats[found] += 1
        placed = placing.place(one)
        if isinstance(placed, Refused):
            refused.append(placed)
        else:
            for append, cell in zip(add, placed, strict=True):
                append(cell)
    if placing.looks_relative:
        raise InputError(Problem(text(path.name), "every edge lies between 0 and 1, as shares of the image's sides do",
                                 "pixels", "export pixels, or multiply them by the image's width and height"))
    if len(refused) == read:
        why = _by_reason((text(one.reason), text(one.where), _cell(one.detail)) for one in refused)
        raise InputError([Problem(path.name, f"no row can be taken; {read:,} rows read, {len(refused):,} refused",
                                  "at least one box on an image of the study"),
                          *(Problem(path.name, line) for line in why)])
    names = tuple(name for name in FORMATS if name in formats)
    return Imported(_responses(columns), _table(refused), names, read, _notes(placing))


def _check(file_format: str | None, options: Options) -> None:
    if file_format is not None and file_format not in READERS:
        raise InputError(Problem("--format", f"is {file_format!r}", " or ".join(FORMATS)))
    if hidden_in(options.worker):
        raise InputError(Problem("--worker", f"is {options.worker!r}, which holds {hidden_in(options.worker)}",
                                 "an id of which every character is seen"))
    known = {status.casefold() for status in ALL_STATUSES}
    wrong = [status for status in options.statuses if status.casefold() not in known]
    if wrong or not options.statuses:
        raise InputError(Problem("--status", f"is {','.join(wrong) or 'empty'}", " or ".join(ALL_STATUSES)))


def _check_image(image: str, catalogue: Catalogue) -> None:
    try:
        catalogue.find((image,))
    except RefusedError as error:
        raise InputError(Problem("--image", error.detail, "an image of the study", meant(
            image, catalogue.ids, otherwise="see the column image of data/processed/images.csv"))) from error


def _entries(path: Path, file_format: str | None, options: Options) -> Iterator[tuple[str, Entry]]:
    """Read every file; gives the format with each entry. In a folder, a file that is no good is one refused row."""
    if not path.is_dir():
        content = read_content(path, text(path.name))
        found = file_format or detect_format(content)
        yield from ((found, one) for one in READERS[found](content, options))
        return
    files = [file for file in files_under(path) if file.suffix.lower() in SUFFIXES and not is_hidden(file, path)
             and file.name not in CLASS_FILES]
    if not files:
        raise InputError(Problem(path.name, "is a folder without a file of annotations",
                                 "files that end in " + ", ".join(sorted(SUFFIXES))))
    for file in files:
        shown = show(file, path, shown=path.name)
        found = file_format or ""
        try:
            content = read_content(file, shown)
            found = found or detect_format(content)
            entries = list(READERS[found](content, options))
        except MissingDependencyError:
            raise
        except InputError as error:
            entries = [Refused(shown, "unreadable", text("; ".join(map(str, error.problems))))]
        yield from ((found, one) for one in entries)


def _responses(columns: dict[str, list[object]]) -> pd.DataFrame:
    """Make the table, each list given up once its column is made: a million texts are held once."""
    made = {name: pd.Series(columns.pop(name), dtype="float64" if name in NUMBERS else "str") for name in COLUMNS}
    return pd.DataFrame(made, copy=False)


def _table(refused: list[Refused]) -> pd.DataFrame:
    cells = [[_cell(cell) for cell in (one.where, one.reason, one.detail, one.worker, one.image)] for one in refused]
    return pd.DataFrame(cells, columns=["where", "reason", "detail", "worker", "image"], dtype="str")


def _cell(value: str) -> str:
    return text(value)[:LONGEST_CELL]


def _by_reason(refused: Iterable[tuple[str, str, str]]) -> list[str]:
    """Say how many were refused for each reason, the first of each by its place and detail."""
    counts, first = Counter[str](), dict[str, str]()
    for reason, where, detail in refused:
        counts[reason] += 1
        first.setdefault(reason, f"{where}: {detail}")
    return [f"refused {count:,} ({words(reason)}): {first[reason]}"
            for reason, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]


def _notes(placing: Placing) -> tuple[str, ...]:
    notes = []
    if placing.unnamed:
        notes.append(f"{placing.unnamed:,} boxes name no worker and count as drawn by {placing.options.worker!r}; name "
                     "who drew them with --worker, one file a worker.")
    if placing.rescaled:
        notes.append(f"{placing.rescaled:,} boxes were brought from the size they were drawn on to their image's.")
    if placing.reshaped:
        notes.append(f"{placing.reshaped:,} of them were drawn on an image of other proportions: right if it was "
                     "squeezed to the size it is now, wrong if it was cut.")
    if placing.cut:
        notes.append(f"{placing.cut:,} boxes that reached over the edge of their image were cut to it.")
    if placing.untested:
        some = ", ".join([*placing.untested][:EXAMPLES]) + (", ..." if len(placing.untested) > EXAMPLES else "")
        notes.append(f"{placing.untested.total():,} boxes are on photographs that are not kept for testing ({some}): a "
                     "study with a classifier leaves them out.")
    return tuple(notes)

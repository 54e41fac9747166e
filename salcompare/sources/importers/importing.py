"""A file or a folder of boxes in any format to responses of the study, every row accounted for."""

import contextlib
import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from salcompare import config as settings
from salcompare import store
from salcompare.errors import InputError, MissingDependencyError, Problem, meant
from salcompare.schema import Column, Table, check_table
from salcompare.sources.datasets import files_under, is_hidden, show
from salcompare.sources.importers import globox_formats, ground_truth, label_studio, mturk, via
from salcompare.sources.importers.content import Content, parse_json, read_content
from salcompare.sources.importers.entries import ALL_STATUSES, Entry, Options, Refused, RefusedError, text
from salcompare.sources.importers.placing import Catalogue, Placing
from salcompare.sources.left_out import EXAMPLES, words
from salcompare.texts import hidden_in

READERS: dict[str, Callable[[Content, Options], Iterator[Entry]]] = {
    "mturk": mturk.read_mturk, "label-studio": label_studio.read_label_studio, "via-csv": via.read_via_csv,
    "via-json": via.read_via_json, "ground-truth": ground_truth.read_ground_truth, "coco": globox_formats.read_coco,
    "cvat": globox_formats.read_cvat, "voc": globox_formats.read_voc, "labelme": globox_formats.read_labelme,
    "yolo": globox_formats.read_yolo,
}
FORMATS = tuple(READERS)
"""The formats that can be imported."""

_LINES = 20  # of JSON lines, some of which may be broken
_YOLO = re.compile(r"\s*[0-9]+(\s+[-+.0-9eE]+){4,5}((\s+[-+.0-9eE]+){3,4})?\s*")


def detect_format(content: Content) -> str:
    """Tell a file's format, one of `FORMATS`, from its content; raises `InputError` if it is none of them."""
    start = content.head.lstrip()[:1]
    if start == "<":
        name = {"annotations": "cvat", "annotation": "voc"}.get(content.xml.tag.rpartition("}")[2], "")
    elif start in {"{", "["}:
        name = _json_format(content)
    else:
        name = _text_format(content)
    if not name and content.text:  # which says so if it is no text
        raise InputError(Problem(content.shown, "is in no format that can be told from its content",
                                 " or ".join(FORMATS), "name it with --format"))
    return name


def _json_format(content: Content) -> str:
    lines = (line for line in content.head.split("\n")[:_LINES] if line.strip())
    for line in lines:
        with contextlib.suppress(InputError):
            value = parse_json(line, "")
            if isinstance(value, dict) and "source-ref" in value:
                return "ground-truth"
    value = content.json
    if isinstance(value, list):
        value = next((item for item in value if isinstance(item, dict)), {})
        return next((name for name, matches in _OF_LISTS.items() if matches(value)), "")
    return next((name for name, matches in _OF_OBJECTS.items() if matches(value)), "")


_OF_OBJECTS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "ground-truth": lambda value: "source-ref" in value,
    "labelme": lambda value: "shapes" in value,
    "coco": lambda value: "annotations" in value and "images" in value,
    "via-json": lambda value: "_via_img_metadata" in value or via.is_project_of_via_3(value) or any(
        isinstance(image, dict) and "regions" in image for image in value.values()),
    "label-studio": lambda value: "data" in value and ("annotations" in value or "completions" in value),
}
_OF_LISTS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "ground-truth": lambda item: "dataObject" in item and "annotations" in item,
    "label-studio": lambda item: ("data" in item and not item.keys().isdisjoint({"annotations", "completions"}))
    or not item.keys().isdisjoint({"annotation_id", "annotator", "lead_time"}),
}


def _text_format(content: Content) -> str:
    lines = [line for line in content.head.splitlines() if line.strip()]
    if not lines:
        return ""
    delimiter = max((",", ";", "\t"), key=lines[0].count)
    try:
        cells = next(csv.reader([lines[0]], delimiter=delimiter), [])
    except csv.Error:  # a cell of more than 131,072 characters
        cells = []
    header = {name.strip().lower().lstrip("#") for name in cells}
    if "region_shape_attributes" in header:
        return "via-csv"
    if header & {"workerid", "assignmentid", "hitid"} and any(name.startswith("answer.") for name in header):
        return "mturk"
    if {"worker", "image", "label", "x0"} <= header:
        raise InputError(Problem(content.shown, "is a table of responses already", "an export of another tool",
                                 "name it as path in [responses] of study.toml"))
    return "yolo" if _YOLO.fullmatch(lines[0]) else ""


_SUFFIXES = frozenset({".json", ".jsonl", ".manifest", ".xml", ".csv", ".tsv", ".txt"})
"""Endings of the files of a folder that are read; others, such as photographs, are passed over."""
_LONGEST_CELL = 300
_COLUMNS = ("worker", "image", "label", "x0", "y0", "x1", "y1", "seconds", "submitted", "origin", "record")
_NUMBERS = frozenset({"x0", "y0", "x1", "y1", "seconds"})
IMAGES = Table("images", (
    Column("image", "text", "the image's id"),
    Column("actor", "text", "the person shown"),
    Column("height", "number", "pixels, as it was shown", low=1),
    Column("width", "number", "pixels, as it was shown", low=1),
), key="image")


@dataclass(frozen=True)
class Imported:
    """What an import took and what it left: every row `read` (a box, or what holds none) is one or the other.

    `responses` has one row a box: worker, image, label, x0, y0, x1, y1, seconds, submitted, origin, and record, its
    place in the file; pixels of the image as shown, half-open. `refused` has where, reason, detail, worker and image of
    what was not taken, one row each. `formats` are those of the files; `notes` say what was done to boxes, in words.
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

    Raises
    ------
    InputError
        If the path cannot be read as a whole, or no row is taken; naming the reasons.
    MissingDependencyError
        If the format needs globox or defusedxml, which are not installed.
    """
    return import_boxes(path, known_images(images), file_format=file_format, options=options)


def known_images(images: pd.DataFrame) -> Catalogue:
    """Make images known by their names; raises `InputError` if a row of the catalogue lacks what it must have."""
    check_table(images, IMAGES, "images")
    return Catalogue(images)


def import_boxes(path: Path, catalogue: Catalogue, *, file_format: str | None = None,
                 options: Options | None = None) -> Imported:
    """Import as `import_responses` does, for images that are known already."""
    chosen = options or Options()
    _check_options(file_format, chosen, catalogue)
    worker = chosen.worker.strip() or text(path.stem) or "unnamed"
    placing = Placing(catalogue, replace(chosen, worker=worker), text(path.name))
    columns: dict[str, list[object]] = {name: [] for name in _COLUMNS}
    add = [columns[name].append for name in _COLUMNS]
    refused, formats, read = [], Counter[str](), 0
    for name, one in _entries(path, file_format, chosen):
        read += 1
        formats[name] += 1
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
    cells = [[_cell(cell) for cell in (one.where, one.reason, one.detail, one.worker, one.image)] for one in refused]
    table = pd.DataFrame(cells, columns=["where", "reason", "detail", "worker", "image"], dtype="str")
    # Each list is given up once its column is made, so that a million texts are held once.
    made = {name: pd.Series(columns.pop(name), dtype="float64" if name in _NUMBERS else "str") for name in _COLUMNS}
    return Imported(pd.DataFrame(made, copy=False), table, names, read, _notes(placing))


def _check_options(file_format: str | None, options: Options, catalogue: Catalogue) -> None:
    if file_format is not None and file_format not in READERS:
        raise InputError(Problem("--format", f"is {file_format!r}", " or ".join(FORMATS)))
    if hidden_in(options.worker):
        raise InputError(Problem("--worker", f"is {options.worker!r}, which holds {hidden_in(options.worker)}",
                                 "an id of which every character is seen"))
    known = {status.casefold() for status in ALL_STATUSES}
    wrong = [status for status in options.statuses if status.casefold() not in known]
    if wrong or not options.statuses:
        raise InputError(Problem("--status", f"is {','.join(wrong) or 'empty'}", " or ".join(ALL_STATUSES)))
    if options.image:
        try:
            catalogue.find((options.image,))
        except RefusedError as error:
            hint = meant(options.image, catalogue.ids, otherwise="see the column image of data/processed/images.csv")
            raise InputError(Problem("--image", error.detail, "an image of the study", hint)) from error


def _entries(path: Path, file_format: str | None, options: Options) -> Iterator[tuple[str, Entry]]:
    """Read every file; gives the format with each entry. In a folder, a file that is no good is one refused row."""
    if not path.is_dir():
        content = read_content(path, text(path.name))
        name = file_format or detect_format(content)
        yield from ((name, one) for one in READERS[name](content, options))
        return
    files = [file for file in files_under(path) if file.suffix.lower() in _SUFFIXES and not is_hidden(file, path)
             and file.name not in globox_formats.CLASS_FILES]
    if not files:
        raise InputError(Problem(path.name, "is a folder without a file of annotations",
                                 "files that end in " + ", ".join(sorted(_SUFFIXES))))
    for file in files:
        shown = show(file, path, shown=path.name)
        name = file_format or ""
        try:
            content = read_content(file, shown)
            name = name or detect_format(content)
            entries = list(READERS[name](content, options))
        except MissingDependencyError:
            raise
        except InputError as error:
            entries = [Refused(shown, "unreadable", text("; ".join(map(str, error.problems))))]
        yield from ((name, one) for one in entries)


def _cell(value: str) -> str:
    return text(value)[:_LONGEST_CELL]


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


def read_catalogue(path: Path) -> pd.DataFrame:
    """Read a catalogue of images: columns image, height and width, optional actor and file.

    Raises `InputError` if it is missing, is no table, or a row lacks what it must have.
    """
    try:
        text = ("image", "actor", "file")
        images = store.read_csv(path, text=text).fillna(dict.fromkeys(text, ""))
    except (OSError, ValueError) as error:
        raise InputError(Problem(str(path), f"cannot be read: {error}", "a CSV with columns image, height, width",
                                 "name a study's data/processed/images.csv")) from error
    if "actor" not in images and "image" in images:
        images["actor"] = images["image"].str.rpartition("/")[0].where(images["image"].str.contains("/"), "unknown")
    check_table(images, IMAGES, path.name)
    return images


def responses_path(config: settings.Responses) -> Path:
    """Give the file, relative to the study, that it reads responses from or would."""
    return Path(config.path if config.source == "csv" else settings.Responses().path)


def settings_to_change(config: settings.Responses, path: Path, *, root: Path) -> list[str]:
    """Say what [responses] of study.toml must be for the study to read what was imported; nothing if it does."""
    inside = path.resolve().is_relative_to(root.resolve())
    name = path.resolve().relative_to(root.resolve()).as_posix() if inside else str(path.resolve())
    wanted = {"source": "csv", "path": name, "pixels": "image"}
    now = {"source": config.source, "path": Path(config.path).as_posix(), "pixels": config.pixels}
    lines = [f'{key} = "{value}"' for key, value in wanted.items() if now[key] != value]
    return [f"For the study to read them, set in [responses] of study.toml: {', '.join(lines)}"] if lines else []


def refused_path(out: Path) -> Path:
    """Give the file of refused rows beside a file of responses."""
    return out.with_name(f"{out.stem}_refused.csv")


def write_imported(imported: Imported, out: Path, *, source: Path) -> None:
    """Write the responses as the tidy CSV that a study reads, ``NAME.csv``, and beside it ``NAME_refused.csv``.

    Raises `InputError` if one of them is `source`, what was imported, which is never written over, or a folder.
    """
    refused = refused_path(out)
    for path in (out, refused):
        if path.resolve() == source.resolve() or path.is_dir():
            raise InputError(Problem(str(path), "is what is imported" if path.is_file() else "is a folder",
                                     "a file of its own", "name another with --out"))
    store.write_table(refused, imported.refused)
    store.write_table(out, imported.responses)

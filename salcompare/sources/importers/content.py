"""A file's bytes as text, JSON, XML or rows of a CSV; each is made once, and what cannot be is one clear error."""

import codecs
import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO
from xml.etree.ElementTree import Element, ParseError

from salcompare.errors import InputError, MissingDependencyError, Problem
from salcompare.sources.cells import DELIMITERS, check_no_archive
from salcompare.sources.importers.entries import INSTALL, Node, Refused, RefusedError, mapping, show

_MOST_BYTES = 1 << 30
HEAD = 1 << 20
"""Bytes that are looked at where a whole file need not be read."""
_DEEPEST = 50
"""Elements inside elements that XML may have; annotations have five or so, and deeper ones cannot be walked safely."""


@dataclass(frozen=True)
class Content:
    """One file: where it is, how it is called in errors, and what is in it, read when it is asked for.

    What cannot be read so is an `InputError`.
    """

    path: Path
    shown: str

    @cached_property
    def raw(self) -> bytes:
        """The file's bytes."""
        return self.path.read_bytes()

    @cached_property
    def head(self) -> str:
        """The first `HEAD` bytes as text, a character that is cut at the end left out."""
        with self.path.open("rb") as stream:
            start = stream.read(HEAD)
        return start.decode(_encoding(start), "ignore")

    @cached_property
    def text(self) -> str:
        """The file as text; refused if it is neither UTF-8 nor UTF-16 with a mark."""
        encoding = _encoding(self.raw)
        try:
            return self.raw.decode(encoding)
        except UnicodeDecodeError as error:
            raise InputError(Problem(self.shown, f"byte {error.start + 1} is not {encoding.upper()[:6].rstrip('-')}",
                                     "text in UTF-8", "save it as UTF-8")) from error

    @cached_property
    def json(self) -> Any:  # noqa: ANN401 - JSON may hold anything
        """The file as JSON."""
        return parse_json(self.text, self.shown)

    @cached_property
    def xml(self) -> Element:
        """The root of the file as XML, without any document type, so that no entity can be declared."""
        try:
            from defusedxml.common import DefusedXmlException
            from defusedxml.ElementTree import fromstring
        except ImportError as error:
            raise MissingDependencyError(Problem("defusedxml", "is not installed", remedy=INSTALL)) from error
        try:
            root: Element = fromstring(self.raw, forbid_dtd=True)
        except DefusedXmlException as error:
            raise InputError(Problem(self.shown, "declares a document type or entities, which may blow up or read "
                                     "other files", "plain XML", "remove the DOCTYPE if you trust the file")) from error
        except (ParseError, ValueError, LookupError) as error:
            raise InputError(Problem(self.shown, f"is no XML: {error}", "a whole XML file",
                                     "export it again")) from error
        level, depth = [root], 0
        while level:
            depth += 1
            if depth > _DEEPEST:
                raise InputError(Problem(self.shown, f"holds elements more than {_DEEPEST} deep", "annotations as XML",
                                         "export it again"))
            level = [child for parent in level for child in parent]
        return root


def read_content(path: Path, shown: str) -> Content:
    """Open a file; raises `InputError` if it is missing, no plain file, empty or too large."""
    try:
        if path.exists() and not path.is_file():
            raise InputError(Problem(shown, "is no plain file", "a file of annotations"))
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(Problem(shown, f"has {path.stat().st_size:,} bytes", f"at most {_MOST_BYTES:,}",
                                     "split it"))
        content = Content(path, shown)
        with path.open("rb") as stream:
            check_no_archive(stream.read(HEAD), shown=shown)
    except OSError as error:
        wrong = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise InputError(Problem(shown, wrong, "a file of annotations")) from error
    if not content.head.strip("\x00 \t\r\n\f\v") and not content.raw.strip():
        raise InputError(Problem(shown, "is empty", "annotations", "export it again"))
    return content


def _encoding(start: bytes) -> str:
    return "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def parse_json(text: str, shown: str) -> Any:  # noqa: ANN401 - JSON may hold anything
    """Parse JSON.

    Raises `InputError` if it is none, nested too deeply, or holds a number of thousands of digits, or a name twice in
    one object.
    """
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError as error:
        raise InputError(Problem(shown, "is nested too deeply", "annotations as JSON", "export it again")) from error
    except ValueError as error:
        raise InputError(Problem(shown, f"is no JSON: {error}", "a whole JSON file", "export it again")) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of JSON, which would else keep the last of two values of one name."""
    whole = dict(pairs)
    if len(whole) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        message = f"{twice[:60]!r} stands twice in one object"
        raise ValueError(message)
    return whole


def json_mapping(value: str, name: str) -> Node:
    """Read an object of JSON inside a cell or a text; what is none refuses one entry (`RefusedError`)."""
    try:
        return mapping(parse_json(value, ""), name)
    except InputError as error:
        raise RefusedError("not_json", f"{name}={show(value)} is no JSON") from error


LONGEST_CELL = 1 << 24
Cells = dict[str, str]


@dataclass(frozen=True)
class _CsvRows:
    """A table: its named columns in lower case; going through it gives each row by its place, or why it is refused."""

    content: Content
    columns: tuple[str, ...]
    delimiter: str

    def __iter__(self) -> Iterator[tuple[str, Cells] | Refused]:
        before = csv.field_size_limit(LONGEST_CELL)
        try:
            with self.content.path.open(encoding="utf-8-sig", newline="") as stream:
                yield from self._rows(stream)
        except UnicodeDecodeError as error:
            raise InputError(_not_utf8(self.content)) from error
        finally:
            csv.field_size_limit(before)

    def _rows(self, stream: TextIO) -> Iterator[tuple[str, Cells] | Refused]:
        ended = False

        def lines() -> Iterator[str]:
            """Give the lines, and note that all were read."""
            nonlocal ended
            yield from stream
            ended = True

        reader = csv.reader(lines(), delimiter=self.delimiter)
        n, begin, header = len(self.columns), 1, True
        named = [(at, name) for at, name in enumerate(self.columns) if name]
        try:
            for cells in reader:
                first, begin = begin, reader.line_num + 1
                if header or not any(cells):
                    header = header and not any(cells)
                elif ended:  # the reader wanted a line more
                    yield self._unreadable(first, "a quote is not closed")
                elif len(cells) > n:
                    yield Refused(f"{self.content.shown} row {first}", "cells", f"{len(cells)} cells")
                elif any(map(str.strip, cells)):
                    cells += [""] * (n - len(cells))
                    yield f"{self.content.shown} row {first}", {name: cells[at] for at, name in named}
        except csv.Error as error:
            yield self._unreadable(begin, str(error))

    def _unreadable(self, line: int, why: str) -> Refused:
        return Refused(f"{self.content.shown} row {line}", "cells", f"cannot be read from here on: {why}")


def csv_rows(content: Content) -> _CsvRows:
    """Open a CSV file; columns without a name are passed over.

    Raises `InputError` if it is empty or names a column twice, or, when its rows are gone through, is not UTF-8.
    """
    header = next((line for line in content.head.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=header.count)
    try:
        with content.path.open(encoding="utf-8-sig", newline="") as stream:
            cells = next((row for row in csv.reader(stream, delimiter=delimiter) if any(row)), [])
    except UnicodeDecodeError as error:
        raise InputError(_not_utf8(content)) from error
    except csv.Error as error:
        raise InputError(Problem(content.shown, f"has no header that can be read: {error}", "a CSV file",
                                 "export it again")) from error
    columns = tuple(name.strip("\ufeff \t").lower() for name in cells)
    if not any(columns):
        raise InputError(Problem(content.shown, "is empty", "a header line and rows", "export it again"))
    twice = [repr(name) for name in dict.fromkeys(columns) if name and columns.count(name) > 1]
    if twice:
        raise InputError(Problem(content.shown, f"column {', '.join(twice)} is listed twice", "each column once",
                                 "rename or delete one"))
    return _CsvRows(content, columns, delimiter)


def _not_utf8(content: Content) -> Problem:
    with content.path.open("rb") as stream:
        for at, line in enumerate(stream, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return Problem(f"{content.shown} row {at}", f"byte 0x{line[error.start]:02x} is not UTF-8", "UTF-8",
                               "save it as 'CSV UTF-8'")
    return Problem(content.shown, "is not UTF-8", "UTF-8", "save it as 'CSV UTF-8'")

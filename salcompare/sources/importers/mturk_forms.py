"""Answers of a plain HTML form on Mechanical Turk: a column for each field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from salcompare.sources.importers.entries import canvas_size, is_missing, number, text

# Layouts of a box's four fields, and whether the last two are its width and height.
LAYOUTS: tuple[tuple[tuple[str, str, str, str], bool], ...] = (
    (("x0", "y0", "x1", "y1"), False),
    (("x1", "y1", "x2", "y2"), False),
    (("xmin", "ymin", "xmax", "ymax"), False),
    (("left", "top", "right", "bottom"), False),
    (("left", "top", "width", "height"), True),
    (("x", "y", "width", "height"), True),
    (("x", "y", "w", "h"), True),
)
PREFIXES = ("", "box.", "box_", "bbox.", "bbox_")
LABELS = ("label", "feature", "category", "part", "class", "annotation.label", "box.label", "box_label")
OTHER_LABELS = ("other", "other_label", "label_other", "otherlabel", "feature_other", "other_feature")
WIDTHS = ("image_width", "img_width", "imagewidth", "naturalwidth", "natural_width", "canvas_width", "image.width")
HEIGHTS = tuple(name.replace("width", "height") for name in WIDTHS)
Row = Mapping[str, str]


def form_box(row: Row) -> dict[str, object] | None:
    """Give a form's box as left, top, width and height; None where all its fields are blank or missing.

    Raises
    ------
    RefusedError
        If some of the fields are no number.
    """
    for names, has_size in LAYOUTS:
        for prefix in PREFIXES:
            cells = [row.get(f"answer.{prefix}{name}") for name in names]
            if None in cells or all(map(is_missing, cells)):
                continue
            a, b, c, d = (number(cell, name) for cell, name in zip(cells, names, strict=True))
            return {"left": a, "top": b, "width": c if has_size else c - a, "height": d if has_size else d - b}
    return None


def form_size(row: Row) -> tuple[float, float] | None:
    """Give the size of what a form's box was drawn on, where the form sent it.

    Raises
    ------
    RefusedError
        If it is no size.
    """
    return canvas_size(_first(row, WIDTHS), _first(row, HEIGHTS))


def form_label(row: Row) -> str:
    """Give the label of a form: a field of text, or the one of several buttons that is pressed; empty if none is."""
    chosen = _first(row, LABELS) or _pressed(row)
    own = _first(row, OTHER_LABELS)
    return own if own and chosen.casefold() in {"", "other"} else chosen


def _pressed(row: Row) -> str:
    """Give the only button on of a group, which the table holds as columns Answer.GROUP.BUTTON with true or false."""
    pressed = {name.rpartition(".")[2] for name, cell in row.items()
               if name.startswith("answer.") and name.count(".") >= 2 and cell.strip().casefold() in {"true", "on"}}
    return text(pressed.pop()) if len(pressed) == 1 else ""


def _first(row: Row, names: Sequence[str]) -> str:
    return next((text(row[f"answer.{name}"]) for name in names if text(row.get(f"answer.{name}"))), "")

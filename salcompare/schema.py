"""The data model, declared once: what each table and each set of maps holds, and the checks that hold it.

The report's data dictionary is printed from these declarations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from salcompare.errors import InputError, Problem

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

SPLITS = ("train", "validation", "test")
LABELS = ("beard", "cheek", "chin", "ears", "eyes", "eye brows", "hairline", "laugh line", "lips", "moustache", "nose")
"""The eleven labels of the original task (Sun, Teoh & Guerzhoy 2020)."""

Kind = Literal["text", "number", "count"]


@dataclass(frozen=True)
class Column:
    """One column of a table: its kind, whether it must be there, its bounds and what it means."""

    name: str
    kind: Kind
    meaning: str
    required: bool = True
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table: its name and columns; `key` names the column whose values are unique."""

    name: str
    columns: tuple[Column, ...]
    key: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The names of the columns of text; they are read as text, whatever they look like."""
        return tuple(column.name for column in self.columns if column.kind == "text")


@dataclass(frozen=True)
class Variable:
    """One variable of a dataset: dims, dtype, unit, bounds and meaning (NaN where `missing` says so)."""

    name: str
    dims: tuple[str, ...]
    dtype: str
    unit: str
    meaning: str
    low: float | None = None
    high: float | None = None
    missing: str = "never NaN"


@dataclass(frozen=True)
class Layout:
    """A dataset: its name, data variables and the coordinates that each dim must carry."""

    name: str
    variables: tuple[Variable, ...]
    coords: tuple[str, ...]


IMAGES = Table("images", (
    Column("image", "text", "the image's id, unique in a study, as actor/number"),
    Column("actor", "text", "the person shown"),
    Column("split", "text", "part in training the classifier", choices=SPLITS),
    Column("file", "text", "where the photograph was read from"),
    Column("sha256", "text", "of the file's bytes"),
    Column("height", "count", "pixels, of the photograph as it was shown", low=1),
    Column("width", "count", "pixels, of the photograph as it was shown", low=1),
    Column("group", "text", "a factor of the actor; kept as a coordinate of the maps", required=False),
    Column("shoot", "text", "images taken together share it; kept as a coordinate of the maps", required=False),
    *(Column(f"align_{part}", "number", "of the similarity that aligned the photograph, from its pixels to widths of "
             "the grid: x' = a x - b y + align_x, y' = b x + a y + align_y", required=False) for part in "abxy"),
), key="image")

RESPONSES = Table("responses", (
    Column("response", "text", "the response's id"),
    Column("worker", "text", "the person who drew the box"),
    Column("image", "text", "the image it was drawn on"),
    Column("label", "text", "what the worker says the box holds"),
    Column("x0", "number", "left edge, pixels from the left of the image as shown, inside the box"),
    Column("y0", "number", "top edge, pixels from the top, inside the box"),
    Column("x1", "number", "right edge, the first pixel position outside the box"),
    Column("y1", "number", "bottom edge, the first pixel position outside the box"),
    Column("seconds", "number", "time from the image's appearing to the response", required=False, low=0),
    Column("submitted", "text", "when, ISO 8601", required=False),
    Column("origin", "text", "the file it came from, or that no person drew it", required=False),
), key="response")

FIXATIONS = Table("fixations", (
    Column("worker", "text", "the person who looked or clicked"),
    Column("image", "text", "the image that was shown"),
    Column("trial", "text", "which showing of the image to the worker; each is a response"),
    Column("x", "number", "pixels from the left edge of the image as shown; its first pixel's centre is 0.5", low=0),
    Column("y", "number", "pixels from the top edge", low=0),
    Column("duration", "number", "weight within the trial; 1 for each click", low=0),
    Column("origin", "text", "the file it came from", required=False),
))

MAP_FILES = Table("map files", (
    Column("response", "text", "the map's id"),
    Column("worker", "text", "the person whose map it is; empty where the maps do not say", required=False),
    Column("image", "text", "the image that the map is of"),
    Column("file", "text", "where the map was read from, and its place in that file"),
    Column("height", "count", "pixels of the map in the file", low=1),
    Column("width", "count", "pixels of the map in the file", low=1),
), key="response")

CHECKS = Table("checks", (
    Column("worker", "text", "the person who answered the instructed check"),
    Column("image", "text", "the photograph it was asked on", required=False),
    Column("label", "text", "the answer's label; empty if nothing was drawn", required=False),
    *(Column(edge, "number", "the answer's box, pixels of the photograph", required=False)
      for edge in ("x0", "y0", "x1", "y1")),
    Column("target_label", "text", "the label that was asked for"),
    *(Column(f"target_{edge}", "number", "the box that was asked for") for edge in ("x0", "y0", "x1", "y1")),
))

ESTIMATES = Table("estimates", (
    Column("statistic", "text", "what was computed: r2, label_share, symmetry, overlap, ..."),
    Column("metric", "text", "the variant of the statistic", required=False),
    Column("form", "text", "how the maps were prepared: raw, masks, smoothed masks, smoothed", required=False),
    Column("sigma", "number", "standard deviation of the smoothing Gaussian, pixels of the grid", required=False,
           low=0),
    Column("frame", "text", "where the maps' pixels are: on the photograph, or on the canonical face; empty where the "
           "estimate is of no map", required=False, choices=("photograph", "canonical")),
    Column("level", "text", "population, actor or image", choices=("population", "actor", "image")),
    Column("source", "text", "human, CLASSIFIER/VARIANT/METHOD, photographs, a baseline or a control", required=False),
    Column("against", "text", "the source or baseline it is compared with", required=False),
    Column("contrast", "text", "the difference that is tested, where it is one", required=False),
    Column("actor", "text", "the actor, where the level is actor or image", required=False),
    Column("label", "text", "the label, for statistics of labels", required=False),
    Column("region", "text", "the region of the canonical face, for statistics of regions", required=False),
    Column("value", "number", "the estimate; NaN where undefined, see reason", required=False),
    Column("value_one", "number", "where the value is a difference: the first of the two, over the same replicates",
           required=False),
    Column("value_other", "number", "the second, which is taken from it; value = value_one - value_other",
           required=False),
    Column("ci_low", "number", "lower end of the 95% interval", required=False),
    Column("ci_high", "number", "upper end of the 95% interval", required=False),
    Column("ci_method", "text", "percentile, t, wilson, jackknife, ...", required=False),
    Column("resampled", "text", "what was resampled for the interval: actors, images, workers", required=False),
    Column("null", "text", "what was permuted or assumed under the null hypothesis", required=False),
    Column("null_mean", "number", "mean of the statistic under the null", required=False),
    Column("alternative", "text", "greater, less or two-sided", required=False),
    Column("p_value", "number", "probability under the null of a value as extreme", required=False, low=0, high=1),
    Column("p_attainable", "number", "the smallest p this test can give", required=False, low=0, high=1),
    Column("p_is", "text", "equal: p_value as it stands; at most: a bound, as none of the permutations drawn at random "
           "reached the value", required=False, choices=("equal", "at most")),
    Column("p_adjusted", "number", "p adjusted over its family", required=False, low=0, high=1),
    Column("family", "text", "the tests that p_adjusted is adjusted over", required=False),
    Column("family_size", "count", "how many tests the family has", required=False, low=1),
    Column("ceiling", "number", "the value a perfect model could reach given the noise", required=False),
    Column("smallest_effect", "number", "the smallest effect of interest, in the value's unit", required=False, low=0),
    Column("p_equivalence", "number", "the larger p of two one-sided tests against the smallest effect of interest, on "
           "either side of 0", required=False, low=0, high=1),
    Column("verdict", "text", "what p_value and p_equivalence say at 0.05: a difference, a difference too small to "
           "matter, no difference worth having, or inconclusive", required=False),
    Column("n", "count", "replicates that the estimate rests on (actors, images or responses)", required=False, low=0),
    Column("count", "count", "how many of the n have it, where the value is a share", required=False, low=0),
    Column("n_undefined", "count", "replicates left out as undefined", required=False, low=0),
    Column("reason", "text", "why value or interval is NaN, or replicates were left out", required=False),
    Column("n_resamples", "count", "permutations or bootstrap resamples drawn or enumerated", required=False, low=0),
    Column("responses", "text", "what kind of responses the estimate rests on; empty where on none", required=False,
           choices=("collected", "simulated")),
))

HUMAN_MAPS = Layout("human maps", (
    Variable("coverage", ("image", "y", "x"), "float32", "share of the image's responses",
             "share of the image's responses whose box covers the pixel; of gaze, clicks and ready-made maps, the mean "
             "over responses of maps that each sum to 1; images without responses are left out", 0, 1),
    Variable("n_responses", ("image",), "int64", "responses", "boxes drawn on the image, trials in which it was "
             "looked at, or ready-made maps of it", 1),
), ("image", "actor", "y", "x"))

CLASSIFIER_MAPS = Layout("classifier maps", (
    Variable("saliency", ("image", "y", "x"), "float32", "logit per unit of input",
             "the attribution as the method gave it, channels reduced, never normalised", 0),
), ("image", "actor", "y", "x"))


def check_table(frame: pd.DataFrame, table: Table, where: str) -> None:
    """Hold a table to its declaration; columns beyond the declared ones are allowed.

    An `InputError` lists every missing column, or every offending row, at once, and calls the table `where`, such as
    its file's name.
    """
    missing = [c.name for c in table.columns if c.required and c.name not in frame.columns]
    if missing:
        raise InputError(Problem(where, f"no column {', '.join(map(repr, missing))}",
                                 "columns " + ", ".join(c.name for c in table.columns if c.required),
                                 "add what is missing; found " + ", ".join(map(str, frame.columns))))
    problems = [problem for column in table.columns if column.name in frame.columns
                for problem in (_text_problems if column.kind == "text" else _number_problems)(
                    frame[column.name], column, where)]
    if table.key is not None:
        keys = frame[table.key]
        problems += [Problem(f"{where} row {row}", f"{table.key} {value!r} is listed twice",
                             f"one row for each {table.key}", "remove or rename one")
                     for row, value in keys[keys.duplicated() & keys.notna()].items()]
    if problems:
        raise InputError(problems)


def check_maps(dataset: xr.Dataset, layout: Layout, where: str) -> None:
    """Hold a dataset of maps to its declaration: dims, dtypes, coordinates and (if in memory) bounds.

    An `InputError` lists everything that differs.
    """
    problems = [Problem(where, f"no coordinate {name!r}", remedy=f"give {layout.name} its {name} coordinate")
                for name in layout.coords if name not in dataset.coords]
    for variable in layout.variables:
        problems += _variable_problems(dataset, variable, where)
    image = dataset.indexes.get("image")
    if image is not None and not image.is_unique:
        twice = image[image.duplicated()].unique().tolist()
        problems.append(Problem(where, f"image {twice[0]!r} is listed twice", "unique image ids", "rename one"))
    if problems:
        raise InputError(problems)


def _text_problems(values: pd.Series, column: Column, where: str) -> list[Problem]:
    empty = values.isna() | (values.astype(str).str.strip() == "")
    problems = [Problem(f"{where} row {row}", f"{column.name} is empty", column.meaning)
                for row in values.index[empty] if column.required]
    if column.choices:
        wrong = values[~empty & ~values.isin(column.choices)]
        problems += [Problem(f"{where} row {row}", f"{column.name}={value!r}", " or ".join(column.choices))
                     for row, value in wrong.items()]
    return problems


def _number_problems(values: pd.Series, column: Column, where: str) -> list[Problem]:
    import numpy as np
    import pandas as pd

    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    bad = numbers.isna() & (values.notna() | column.required)
    if column.required:
        bad |= np.isinf(numbers)
    if column.kind == "count":
        bad |= numbers.notna() & (numbers % 1 != 0)
    if column.low is not None:
        bad |= numbers < column.low
    if column.high is not None:
        bad |= numbers > column.high
    bounds = f"a {column.kind}" + (f" >= {column.low:g}" if column.low is not None else "") + (
        f" and <= {column.high:g}" if column.high is not None else "")
    return [Problem(f"{where} row {row}", f"{column.name}={value}", bounds) for row, value in values[bad].items()]


def _variable_problems(dataset: xr.Dataset, variable: Variable, where: str) -> list[Problem]:
    if variable.name not in dataset:
        return [Problem(where, f"no variable {variable.name!r}", f"{variable.name}{variable.dims}")]
    array = dataset[variable.name]
    if array.dims != variable.dims:
        return [Problem(where, f"{variable.name} has dims {array.dims}", str(variable.dims), "transpose it")]
    if array.dtype != variable.dtype:
        return [Problem(where, f"{variable.name} is {array.dtype}", variable.dtype, "convert it with astype")]
    if array.chunks is not None or array.size == 0:
        return []
    low, high = float(array.min(skipna=False)), float(array.max(skipna=False))
    if math.isnan(low):
        return [Problem(where, f"{variable.name} holds NaN", variable.missing)]
    below = variable.low is not None and low < variable.low
    above = variable.high is not None and high > variable.high
    if below or above:
        return [Problem(where, f"{variable.name} runs from {low:g} to {high:g}",
                        f"from {variable.low} to {'any' if variable.high is None else variable.high}")]
    return []

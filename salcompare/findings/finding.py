"""What a finding declares of itself and of its quantities, and how its parts are found beside it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType, ModuleType
from typing import Any, Literal

Columns = dict[str, str | tuple[str, ...]]
MapFrame = Literal["", "photograph", "canonical"]
"""Where the pixels of maps are; empty where there are no maps."""
INTERVAL: Columns = {name: name for name in ("ci_low", "ci_high", "ci_method", "resampled")}
BARE_TEST: Columns = {"null": "null", "alternative": "alternative", "p_value": "p_value",
                      "p_attainable": "p_attainable", "n_resamples": "n_permutations"}
TEST: Columns = BARE_TEST | {"null_mean": "null_mean"}
FAMILY: Columns = {"family": "family", "family_size": "family_size", "p_adjusted": "p_adjusted"}
COUNTS: Columns = {"n": "n", "n_undefined": "n_undefined", "reason": "reason"}
MEAN: Columns = COUNTS | INTERVAL
SIDES: Columns = {"value_one": "one", "value_other": "other"}


@dataclass(frozen=True)
class Headline:
    """A number that the summary rests on, which is held against the same number without exclusions."""

    of: Literal["human", "classifier"] = "human"  # whether it is people's, or the main classifier's
    form: str = ""  # of its row, beside the quantity's statistic and metric; what is empty is left open
    contrast: str = ""  # likewise
    title: str = ""  # where the quantity's, of people's maps with their form before it, does not do

    def named(self, title: str) -> str:
        """Word it, given the quantity's title."""
        maps = {"": "", "raw": "Human maps: "}.get(self.form, f"Human maps, {self.form}: ")
        return self.title or (maps + title if self.of == "human" else title)


@dataclass(frozen=True)
class Compared:
    """A number that stands side by side for all classifiers."""

    name: str  # a word for files
    form: str = ""  # of its row, beside the quantity's statistic and metric
    contrast: str = ""  # likewise; a row with a contrast is taken only where it is named
    against: str = ""  # likewise
    # other columns and their values; the first of which any source has a value is taken
    choices: tuple[Mapping[str, str], ...] = (MappingProxyType({}),)
    title: str = ""  # where the quantity's does not do
    of: Literal["source", "network"] = "source"  # its rows are of CLASSIFIER/VARIANT/METHOD or of CLASSIFIER/VARIANT
    beside: Literal["", "null_mean", "ceiling"] = ""  # what the value is read against
    requires: str = ""  # what must be there for it to be computed
    open: tuple[str, ...] = ("form",)  # columns of the estimates that the title leaves open


@dataclass(frozen=True)
class Quantity:
    """A quantity of a finding: what it is called, which part of a result it is, and where it is shown.

    ``columns`` has, by column of the estimates, the variable, coordinate or attr of the result that fills it; of
    several, texts that are not empty are joined. `COUNTS`, `INTERVAL`, both of a `MEAN`, `SIDES`, `TEST` (`BARE_TEST`
    without its mean) and `FAMILY` are those of most results.
    """

    statistic: str  # as the estimates name it
    metric: str  # likewise
    title: str = ""  # in words
    value: str = "value"  # the variable of a result that is its value
    columns: Columns = field(default_factory=dict)
    fixed: Mapping[str, object] = field(default_factory=dict)  # columns that are the same for all results
    over: tuple[str, ...] = ()  # dims of the result that become columns of that name: one row for each combination
    level: Literal["population", "actor"] = "population"
    better: Literal["", "higher", "lower"] = ""  # which direction is; empty where neither is
    frame: MapFrame | None = None  # of the maps that it is of; as the finding if not given
    most: tuple[int, ...] = ()  # permutations at most, of its sources and of what stands beside, whatever a study asks
    # Whether its rows rest on people's responses whatever their source; as the finding if not given. Rows of people's
    # maps and of baselines do in any case.
    rests_on_people: bool | None = None
    # by column of the estimates, values of which a row rests on people's responses
    of_people: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    together: tuple[str, ...] = ()  # columns of the estimates in which its tests need not agree to be one family
    shown: tuple[Headline | Compared, ...] = ()  # where the report shows it beside the finding's own tables

    @property
    def name(self) -> dict[str, str]:
        """The columns that name its rows."""
        return {"statistic": self.statistic, "metric": self.metric, "level": self.level}

    def of_actors(self, columns: Columns, *, value: str = "actor_value") -> Quantity:
        """Give the same of single actors, with the variables (actor, ...) of the result that fill its columns."""
        return replace(self, level="actor", over=(*self.over, "actor"), value=value, fixed={},
                       columns={"n": "actor_n", "reason": "actor_reason", **columns}, shown=())


@dataclass(frozen=True)
class Finding:
    """One thing that a study is asked; its parts stand beside it in its folder and are loaded when they are used.

    ``inputs.py`` has `INPUTS`, by name what loads it of a study, and `FILES`, the raw files that it reads, if any;
    ``estimates.py`` computes its rows of the table of estimates; ``words.py`` has any of `summary`, `tables`,
    `methods`, `section`, its part of a classifier's page, `pages`, `banners`, `limits` and `REFERENCES`; ``figure.py``
    has `FIGURES`; ``calibration.py`` has `CASES` and `PLANNED`; ``stage.py`` is a long stage of its own.
    """

    name: str  # of its folder
    question: str = ""  # what the summary asks
    question_of_several: str = ""  # the same of several classifiers, where it is worded for one
    inputs: tuple[str, ...] = ()  # what of the study's data it uses (`salcompare.study_data`)
    rests_on_people: bool = False  # whether it says nothing where a study has no people's side
    frame: MapFrame = ""  # of the maps that its quantities are of
    quantities: tuple[Quantity, ...] = ()  # what it estimates
    figures: tuple[int, ...] = ()  # numbers of its figures; a number is never used again
    on_classifier_pages: tuple[int, ...] = ()  # those of them that each classifier's page shows, too
    after: tuple[str, ...] = ()  # findings whose estimates its own use; they come before it and are never imported
    # those that it leaves beside the estimates, with their columns
    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def part(self, name: str) -> ModuleType | None:
        """Load one of its modules; None where it has none of that name."""
        whole = f"salcompare.findings.{self.name}.{name}"
        return importlib.import_module(whole) if importlib.util.find_spec(whole) else None

    def calls(self, part: str, function: str, *given: object) -> Iterable[Any]:
        """Call a function of one of its modules that gives several things; nothing where it has no such function."""
        results: Iterable[Any] = getattr(self.part(part), function, lambda *_: ())(*given)
        return results

    def question_for(self, *, several: bool) -> str:
        """Give the question, worded for one classifier or for several."""
        return self.question_of_several if several and self.question_of_several else self.question

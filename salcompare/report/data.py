"""What a report is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.report.page import Page
    from salcompare.report.tables import PrintedTable


@dataclass(frozen=True)
class ReportFigure:
    """A figure as it stands in the report: its files are beside the page, its PNG also inside it."""

    name: str
    title: str
    caption: str
    png: Path
    svg: Path


@dataclass(frozen=True)
class Answer:
    """A question of the study and its answer."""

    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Content:
    """What a report says, in the order in which it says it.

    Attributes
    ----------
    answers : tuple of Answer
        The summary.
    banners : tuple of str
        Warnings above it.
    tables : tuple of PrintedTable
    methods : tuple of (str, str)
        Headings and paragraphs.
    limits, references : tuple of str
    pages : tuple of Page
        Those beside the report.
    """

    answers: tuple[Answer, ...]
    banners: tuple[str, ...]
    tables: tuple[PrintedTable, ...]
    methods: tuple[tuple[str, str], ...]
    limits: tuple[str, ...]
    references: tuple[str, ...]
    pages: tuple[Page, ...]


@dataclass(frozen=True)
class ReportData:
    """Everything that one report prints; the report computes nothing.

    Attributes
    ----------
    title : str
        The study's name.
    simulated : bool
        Whether the responses are simulated; then every page, table and figure that uses them says so.
    credit : str
        Whom the photographs are owed to.
    images, responses : DataFrame
        The catalogue and the boxes; `responses` is None for a study without people, or whose people drew none.
    images_left_out, responses_left_out : DataFrame
        What was not taken, and why.
    notes : tuple of str
        What could not be computed, in words.
    estimates : DataFrame
        See `salcompare.schema.ESTIMATES`.
    classifiers : mapping
        By name: the tables accuracy, confusion, training, weights, and the mapping summary.
    figures : tuple of ReportFigure
        In the order in which they are shown.
    settings, provenance : mapping
        All of study.toml; hashes, versions and seed.
    truth : mapping or None
        What was planted, for simulated responses.
    mask_share : float
        Share of a map's pixels in a classifier's mask.
    given : DataFrame or None
        Fixations or clicks (`salcompare.schema.FIXATIONS`), or the list of people's ready-made maps
        (`salcompare.schema.MAP_FILES`), where these are people's side.
    given_maps : mapping
        Classifiers' ready-made maps, by name: method, n_maps, notes, and the table left_out.
    quality : mapping
        Tables of the data's quality, by name: quality_rules, exclusions, headlines, agreement_images and others.
    pages : mapping
        By classifier: the figures of its page.
    comparison : ReportFigure or None
        The figure that shows all classifiers side by side.
    removal_curves : DataFrame or None
        Points of deletion and insertion curves.
    """

    title: str
    simulated: bool
    credit: str
    images: pd.DataFrame
    images_left_out: pd.DataFrame
    responses: pd.DataFrame | None
    responses_left_out: pd.DataFrame
    notes: tuple[str, ...]
    estimates: pd.DataFrame
    classifiers: Mapping[str, Mapping[str, Any]]
    figures: tuple[ReportFigure, ...]
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    truth: Mapping[str, Any] | None
    mask_share: float
    given: pd.DataFrame | None = None
    given_maps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    quality: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pages: Mapping[str, tuple[ReportFigure, ...]] = field(default_factory=dict)
    comparison: ReportFigure | None = None
    removal_curves: pd.DataFrame | None = None

    def quality_table(self, name: str) -> pd.DataFrame:
        """Return a table of the data's quality; one without rows where there is none."""
        import pandas as pd

        return self.quality.get(name, pd.DataFrame())

    @property
    def people(self) -> Literal["boxes", "fixations", "maps", "none"]:
        """What people's side is made of."""
        if self.responses is not None:
            return "boxes"
        if self.given is None:
            return "none"
        return "fixations" if "duration" in self.given else "maps"

    @property
    def question(self) -> str:
        """What the study asks, given the sides that it has."""
        if not self.has_classifier:
            return "Which parts of a face do people find salient, and how sure can we be?"
        if self.people == "none":
            return "Which parts of a face does a classifier find salient, and how sure can we be?"
        return "Do people and a classifier find the same parts of a face salient, and how sure can we be?"

    @property
    def workers_known(self) -> bool:
        """Whether it is known who responded to each image, which ceilings and components of responses need."""
        if self.people == "boxes":
            return True
        return self.given is not None and "worker" in self.given and bool(self.given["worker"].notna().all())

    @property
    def classifier_names(self) -> list[str]:
        """Names of all classifiers, those with ready-made maps last."""
        return [*self.classifiers, *self.given_maps]

    @property
    def has_classifier(self) -> bool:
        """Whether there are maps of a classifier, trained here or ready-made."""
        return bool(self.classifiers or self.given_maps)

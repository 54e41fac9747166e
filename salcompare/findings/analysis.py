"""An analysis: a study's data and settings, the random streams, and the run through all findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare import maps as mapping
from salcompare.blocks import one_thread
from salcompare.config import Maps, Statistics
from salcompare.findings import findings
from salcompare.findings.failures import FAILED, n_failed
from salcompare.findings.p_values import name_families, with_p_is
from salcompare.findings.rows import Row, estimates_table, nulls_table, with_responses
from salcompare.naming import PRIMARY, RAW, SMOOTHED
from salcompare.progress import Progress, Silent
from salcompare.random_numbers import stream
from salcompare.statistics.confounding import shared_workers
from salcompare.statistics.inference.multiplicity import Method, adjust_p, family_size
from salcompare.statistics.inference.permutation import sign_flip_test
from salcompare.statistics.inference.resampling import population_mean
from salcompare.statistics.metrics.registry import EVERY_METRIC, METRICS
from salcompare.statistics.responses import chosen, names_of
from salcompare.study_data import StudyData

Draws = tuple[Row, "NDArray[np.float64]"]
LABELS_OF_METHODS: dict[Method, str] = {"holm": "Holm", "bh": "Benjamini-Hochberg", "by": "Benjamini-Yekutieli"}
NO_WORKERS = "the human maps do not say which worker made what"
NULL_DRAWS = 1000  # draws of each null that are kept for figures


@dataclass
class Analysis:
    """An analysis under way: what it is of, and what the findings have made so far, in their order."""

    data: StudyData  # maps, photographs and responses
    maps: Maps  # settings
    statistics: Statistics  # likewise
    seed: int  # of the study; each part draws from a stream of its own
    responses: Literal["collected", "simulated"] = "collected"  # what the study's are
    progress: Progress = field(default_factory=Silent)  # told of each part
    rows: list[Row] = field(default_factory=list)  # estimates so far
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)  # beside the estimates
    shared: dict[str, Any] = field(default_factory=dict)  # what a finding leaves for those after it, by its name

    @property
    def main_data(self) -> StudyData:
        """The study's data with the main classifier's maps alone."""
        main = self.data.main
        return self.data.replace(classifier_maps={main: self.data.classifier_maps[main]} if main else {})

    @cached_property
    def heatmaps(self) -> xr.Dataset:
        """Heatmaps (source, actor, y, x) of every source, people's first, and their relative saliency."""
        maps_of: dict[str, xr.DataArray] = {}
        if self.data.human is not None:
            maps_of["human"] = mapping.actor_heatmap(self.data.human["coverage"])
        elif self.data.get("human_heatmap") is not None:
            maps_of["human"] = self.data.get("human_heatmap")
        for source, dataset in self.data.classifier_maps.items():
            masks = mapping.top_mask(dataset["saliency"], share=self.maps.mask_share)
            maps_of[source] = mapping.actor_heatmap(masks)
        stacked = mapping.stack_sources(maps_of).load()
        return xr.Dataset({"heatmap": stacked, "relative": mapping.relative_saliency(stacked)})


def shoots_of(images: pd.DataFrame) -> pd.Series | None:
    """Name each image's shoot, told apart by actor; an image without one is one by itself. None where none is named."""
    if "shoot" not in images or not images["shoot"].notna().any():
        return None
    declared = images["shoot"].notna()  # no name of an actor is empty, so that none begins with a slash
    return (images["actor"] + "/" + images["shoot"].astype("object")).where(declared, "/" + images["image"])


def with_shoots(maps: xr.DataArray, images: pd.DataFrame) -> tuple[xr.DataArray, str | None]:
    """Give maps (image, ...) the coordinate ``shoot``, and its name; without it, and None, where none is declared."""
    shoots = shoots_of(images)
    if shoots is None:
        return maps.drop_vars("shoot", errors="ignore"), None
    of_images = dict(zip(images["image"], shoots, strict=True))
    named = [of_images.get(image, f"/{image}") for image in maps["image"].to_numpy().tolist()]
    return maps.assign_coords(shoot=("image", np.array(named, object))), "shoot"


class Form(NamedTuple):
    """A form in which maps are compared: its name, sigma in pixels, and by which metrics."""

    name: str
    sigma: float | None
    metrics: tuple[str, ...]

    @property
    def tested(self) -> list[str]:
        """The metrics that all pairs of maps, and controls, are compared by."""
        return [name for name in self.metrics if not EVERY_METRIC[name].costly]

    @property
    def untested(self) -> list[str]:
        """Those that would take too long: a linear programme for each pair."""
        return [name for name in self.metrics if EVERY_METRIC[name].costly]


def overlap_forms(width: int, maps: Maps) -> tuple[Form, Form]:
    """Give the forms in which maps on a grid so wide are compared."""
    return Form(RAW, None, tuple(METRICS)), Form(SMOOTHED, maps.sigma * width, (PRIMARY,))


def sharing_of_workers(data: StudyData, seed: int, by: str = "actor") -> xr.Dataset | None:
    """Measure whether workers are confounded with actors, or actors' groups; None where nothing says who saw what."""
    responses = data.by_worker
    if responses is None or "image" not in (responses if isinstance(responses, pd.DataFrame) else responses.coords):
        return None
    images = data.images[data.images[by].notna()]
    shoots = shoots_of(images)
    known = chosen(responses, names_of(responses)["image"].isin(images["image"]).to_numpy())
    return shared_workers(known, images if shoots is None else images.assign(shoot=shoots), by,
                          rng=stream(seed, "shared workers"),
                          clusters="actor" if by != "actor" else None if shoots is None else "shoot")


def confounded(data: StudyData, seed: int, by: str = "actor") -> str:
    """Say why actors cannot be compared by people's responses: workers are confounded with them; empty where not."""
    sharing = sharing_of_workers(data, seed, by)
    return "" if sharing is None else str(sharing.attrs["confounded"])


def tested_difference(one: xr.DataArray, other: xr.DataArray, *, null: str, rng: np.random.Generator,
                      n_permutations: int) -> xr.Dataset:
    """Average the difference of two values (actor) as `population_mean` does, and test it by flipping actors' signs.

    ``one`` and ``other`` are their means over the actors that have both; ``null`` says the null in words.
    """
    difference = one - other
    p, least, draws = sign_flip_test(difference.to_numpy(), rng=rng, n_permutations=n_permutations)
    held = ~np.isnan(difference)
    return population_mean(difference).assign(
        one=one.where(held).mean("actor"), other=other.where(held).mean("actor"), p_value=p, p_attainable=least,
        null_mean=0.0, n_permutations=draws.size).assign_attrs(null=null, alternative="two-sided")


def adjusted(rows: Iterable[Row], family: str, *, method: Method = "holm") -> list[Row]:
    """Adjust the p-values of a family, one statistic, metric and contrast over `family`; rows without p stay out."""
    rows = list(rows)
    given = [row.get("p_value") for row in rows]
    p = xr.DataArray([float(one) if isinstance(one, (int, float)) else np.nan for one in given], dims="test")
    size = int(family_size(p, "test"))
    if size:
        values = adjust_p(p, "test", method=method).to_numpy()
        about = {"family": f"{family} ({LABELS_OF_METHODS[method]})", "family_size": size}
        rows = [row if np.isnan(value) else {**row, "p_adjusted": float(value), **about}
                for row, value in zip(rows, values, strict=True)]
    return rows


@dataclass(frozen=True)
class Results:
    """What an analysis gives.

    ``heatmaps`` (source, actor, y, x) has ``heatmap``, ``relative``, and ``relative_t`` and ``relative_p`` of
    `relative_test`, NaN where a pixel was not tested. ``tables`` are those beside the estimates that findings declare,
    such as the overlap of every image; without rows where there is nothing to say.
    """

    estimates: pd.DataFrame  # see `salcompare.schema.ESTIMATES`
    heatmaps: xr.Dataset
    nulls: pd.DataFrame  # columns statistic, metric, form, source, value: draws under the null, for figures
    tables: dict[str, pd.DataFrame]


@one_thread()
def analyse(data: StudyData, *, maps: Maps, statistics: Statistics, seed: int,
            responses: Literal["collected", "simulated"] = "collected", progress: Progress | None = None) -> Results:
    """Compute every statistic of a study, given what an `Analysis` is; what is missing is left out of the table."""
    analysis = Analysis(data, maps, statistics, seed, responses, progress or Silent())
    draws: list[Draws] = []
    for finding in findings():
        for rows, nulls in finding.calls("estimates", "estimates", analysis):
            analysis.rows += rows
            draws += nulls
    table = with_p_is(name_families(estimates_table(analysis.rows)), statistics.n_permutations)
    failed = n_failed(table)
    if failed:
        analysis.progress.say(f"  {failed} estimates {FAILED.removesuffix(': ')} and have no value: see reason in "
                              "estimates.csv")
    tables = {name: analysis.tables.get(name, pd.DataFrame(columns=list(columns)))
              for finding in findings() for name, columns in finding.tables.items()}
    return Results(with_responses(table, responses), analysis.heatmaps, nulls_table(draws), tables)

"""What every part of an analysis uses: its data, random streams, and rows of population and actors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from salcompare import maps as mapping
from salcompare.findings.rows import Row
from salcompare.progress import Progress, Silent
from salcompare.statistics.inference.multiplicity import Method, adjust_p, family_size
from salcompare.statistics.metrics.registry import METRICS
from salcompare.statistics.responses import Responses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from salcompare.config import Maps, Statistics

Draws = tuple[Row, "NDArray[np.float64]"]
LABELS_OF_METHODS: dict[Method, str] = {"holm": "Holm", "bh": "Benjamini-Hochberg", "by": "Benjamini-Yekutieli"}
NO_WORKERS = "the human maps do not say which worker made what"
PRIMARY = "pearson"
"""The metric that overlap is described by, on smoothed maps."""
NULL_DRAWS = 1000  # draws of each null that are kept for figures


@dataclass(frozen=True)
class AnalysisData:
    """All that is analysed.

    Attributes
    ----------
    photographs : DataArray (image, y, x, channel)
        On the study's grid; images beyond those of the maps do no harm.
    images : DataFrame
        The catalogue (see `salcompare.schema.IMAGES`).
    responses : DataFrame or None
        See `salcompare.schema.RESPONSES`; None where people's side has no boxes.
    human : Dataset or None
        Coverage maps of images, where the responses name images.
    human_heatmap : DataArray (actor, y, x) or None
        Where they name actors only.
    classifier_maps : mapping
        By source, such as ``alexnet/finetuned/guided_backprop``: Dataset with ``saliency`` (image, y, x).
    accuracies : DataFrame
        Columns classifier, variant, split, accuracy, ci_low, ci_high, n.
    predictions : DataFrame or None
        Columns classifier, variant, image, actor, predicted: whom each classifier took the images to show.
    response_maps : DataArray (response, y, x) or None
        Maps of single responses with coordinates image, actor and worker, for gaze and for ready-made maps that name
        workers.
    controls : mapping
        By source, then by the control's name ("randomised network", "shuffled labels", "layers"): Dataset with
        ``saliency`` (image, y, x) and coordinates photograph, actor and network along ``image``. Sources that are held
        against the same networks, as two variants are, have the same Dataset.
    removals : mapping
        By network, such as ``alexnet/finetuned``: what it says of photographs with parts taken out (see
        `salcompare.statistics.perturbation`).
    seed_maps : mapping
        By source: maps (seed, image, y, x) of a classifier that was trained with several seeds.
    seed_accuracies, seed_weights : DataFrame or None
        The tables accuracy and weights of every training, with columns classifier and seed.
    """

    photographs: xr.DataArray
    images: pd.DataFrame
    responses: pd.DataFrame | None
    human: xr.Dataset | None
    human_heatmap: xr.DataArray | None
    classifier_maps: Mapping[str, xr.Dataset]
    accuracies: pd.DataFrame
    predictions: pd.DataFrame | None = None
    response_maps: xr.DataArray | None = None
    controls: Mapping[str, Mapping[str, xr.Dataset]] = field(default_factory=dict)
    removals: Mapping[str, xr.Dataset] = field(default_factory=dict)
    seed_maps: Mapping[str, xr.DataArray] = field(default_factory=dict)
    seed_accuracies: pd.DataFrame | None = None
    seed_weights: pd.DataFrame | None = None

    @property
    def by_worker(self) -> Responses | None:
        """Boxes or maps of single responses with their workers; None where nothing says who responded."""
        return self.responses if self.responses is not None else self.response_maps

    @property
    def comparable_coverage(self) -> xr.DataArray:
        """People's coverage of the images that the classifiers' maps are of, so that both rest on the same images.

        All of it where there is no classifier, or where they have no image in common.
        """
        if self.human is None:
            message = "there are no human maps"
            raise ValueError(message)
        coverage = self.human["coverage"]
        seen = {image for maps in self.classifier_maps.values() for image in maps["image"].to_numpy().tolist()}
        common = [image for image in coverage["image"].to_numpy().tolist() if image in seen]
        return coverage.sel(image=common) if common else coverage


@dataclass
class Analysis:
    """An analysis under way: what it is of, and what the findings have made so far, in their order.

    Attributes
    ----------
    data : AnalysisData
        Maps, photographs and responses.
    maps, statistics : Maps, Statistics
        Settings.
    seed : int
        Of the study; each part draws from a stream of its own.
    responses : {"collected", "simulated"}
        What the study's responses are.
    progress : Progress
        Told of each part.
    rows : list of Row
        Estimates so far.
    tables : dict of str to DataFrame
        Tables beside the estimates.
    shared : dict
        What a finding leaves for those that declare that they need it, by its name.
    """

    data: AnalysisData
    maps: Maps
    statistics: Statistics
    seed: int
    responses: Literal["collected", "simulated"] = "collected"
    progress: Progress = field(default_factory=Silent)
    rows: list[Row] = field(default_factory=list)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def heatmaps(self) -> xr.Dataset:
        """Heatmaps (source, actor, y, x) of every source, people's first, and their relative saliency."""
        found: dict[str, xr.DataArray] = {}
        if self.data.human is not None:
            found["human"] = mapping.actor_heatmap(self.data.human["coverage"])
        elif self.data.human_heatmap is not None:
            found["human"] = self.data.human_heatmap
        for source, dataset in self.data.classifier_maps.items():
            masks = mapping.top_mask(dataset["saliency"], share=self.maps.mask_share)
            found[source] = mapping.actor_heatmap(masks)
        stacked = mapping.stack_sources(found).load()
        return xr.Dataset({"heatmap": stacked, "relative": mapping.relative_saliency(stacked)})


def overlap_forms(width: int, maps: Maps) -> tuple[tuple[str, float | None, tuple[str, ...]], ...]:
    """Give the forms in which maps are compared: name, sigma in pixels of a grid so wide, and metrics."""
    return (("raw", None, tuple(METRICS)), ("smoothed", maps.sigma * width, (PRIMARY,)))


def stream(seed: int, *names: str) -> np.random.Generator:
    """Give each named part a random generator of its own, so that adding a part moves no other's draws."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest[:16], np.uint32).tolist()])


def population_row(found: xr.Dataset, **key: object) -> Row:
    """Make the row of a mean over actors from value, ci_low, ci_high, n, n_undefined and reason.

    Where the value is a difference, the two that it is the difference of are taken from one and other.
    """
    interval = {"ci_method": found.attrs.get("ci_method", "t"), "resampled": "actors"}
    sides = {f"value_{name}": float(found[name]) for name in ("one", "other") if name in found}
    return {**key, "level": "population", "value": float(found["value"]), **sides, "ci_low": float(found["ci_low"]),
            "ci_high": float(found["ci_high"]), **interval, "n": int(found["n"]),
            "n_undefined": int(found["n_undefined"]), "reason": str(found["reason"].item()) or None}


def about_test(found: xr.Dataset, *, null_mean: float | None = None) -> Row:
    """Give a row's columns of a test from p_value, p_attainable and, in the attrs, the null and the alternative.

    Of the draws' number p_attainable tells: it is one over them and the observed arrangement together.
    """
    least = float(found["p_attainable"])
    mean = float(found["null_mean"]) if null_mean is None else null_mean
    return {"null": found.attrs["null"], "null_mean": mean, "alternative": found.attrs["alternative"],
            "p_value": float(found["p_value"]), "p_attainable": least,
            "n_resamples": None if np.isnan(least) else round(1 / least) - 1}


def side_means(one: xr.DataArray, other: xr.DataArray) -> dict[str, xr.DataArray]:
    """Average two sides (actor, ...) over the actors that have both, so that their means differ by the mean difference.

    Gives ``one`` and ``other`` (...), as `population_row` takes them.
    """
    held = ~np.isnan(one - other)
    return {name: side.where(held).mean("actor") for name, side in (("one", one), ("other", other))}


def actor_rows(values: xr.DataArray, n: xr.DataArray, **key: object) -> list[Row]:
    """Make one row an actor from values and counts of images (actor)."""
    return [{**key, "level": "actor", "actor": str(actor), "value": float(value), "n": int(count),
             "reason": "undefined on every image of the actor" if np.isnan(value) else None}
            for actor, value, count in zip(values.actor.values, values.values, n.values, strict=True)]


def adjusted(rows: Iterable[Row], family: str, *, method: Method = "holm") -> list[Row]:
    """Adjust the p-values of a family, one statistic, metric and contrast over `family`; rows without p stay out."""
    rows = list(rows)
    p = xr.DataArray([_p(row) for row in rows], dims="test")
    size = int(family_size(p, "test"))
    if size:
        values = adjust_p(p, "test", method=method).to_numpy()
        about = {"family": f"{family} ({LABELS_OF_METHODS[method]})", "family_size": size}
        rows = [row if np.isnan(value) else {**row, "p_adjusted": float(value), **about}
                for row, value in zip(rows, values, strict=True)]
    return rows


def _p(row: Row) -> float:
    p = row.get("p_value", np.nan)
    return float(p) if isinstance(p, (int, float)) else np.nan

"""Estimates of what people name and box, and networks mark, by regions of the face."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.faces import REGIONS
from salcompare.findings import regions as terms
from salcompare.findings.analysis import NO_WORKERS, Analysis, Draws, adjusted
from salcompare.findings.controls import RANDOMISED, SOBEL
from salcompare.findings.failures import guarded, rows_or_reasons, without_value
from salcompare.findings.overlap import CENTRE
from salcompare.findings.regions.inputs import VISIBLE
from salcompare.findings.rows import Row, rows_of
from salcompare.naming import HUMAN
from salcompare.random_numbers import stream
from salcompare.statistics.inference.resampling import actor_means, population_mean
from salcompare.statistics.regions import named_regions, people_region_shares, region_shares
from salcompare.study_data import StudyData

NO_LANDMARKS = "the study has no landmarks"
NO_MESH = "regions need the 468 points of MediaPipe's mesh"
NO_MAPS = "there are no maps of images"


class _Regions:
    """Masses of a study's maps, by source, on the images that people's and the classifiers' maps share."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis, self.data = analysis, analysis.data
        self.table: pd.DataFrame = self.data.get(terms.TABLE)
        self.actor = self.data.images.set_index("image")["actor"].astype(str)
        images = None if self.data.human is None else self.data.comparable_coverage["image"].to_numpy()
        if images is not None:
            self.table = self.table[self.table["image"].isin(images)]

    def masses(self, source: str) -> pd.DataFrame:
        """Rows of a source's own maps."""
        return self.table[(self.table["source"] == source) & (self.table["network"] == "")]

    def of_images(self, rows: pd.DataFrame) -> xr.DataArray:
        """Shares of rows (image, region), the mean over networks where an image has several; with actors."""
        shares = region_shares(xr.DataArray(rows[list(REGIONS)].to_numpy(float), {"region": list(REGIONS)},
                                            ("image", "region")))
        mean = pd.DataFrame(shares.to_numpy(), columns=list(REGIONS)).groupby(rows["image"].to_numpy()).mean()
        names = mean.index.to_numpy(str)
        return xr.DataArray(mean.to_numpy(), {"image": names, "region": list(REGIONS), "actor": (
            "image", self.actor.loc[names].to_numpy(str))}, ("image", "region"))

    @cached_property
    def area(self) -> xr.DataArray:
        """Mean over actors of the share of the visible area that is each region's (actor, region)."""
        return actor_means(self.of_images(self.masses(VISIBLE)))["value"]

    def with_density(self, result: xr.Dataset) -> xr.Dataset:
        """Add shares over the area's, which is taken as given."""
        area = self.area.mean("actor")
        area = area.where(area > 0)
        return result.assign(density=result["value"] / area, density_low=result["ci_low"] / area,
                             density_high=result["ci_high"] / area)

    def rows(self) -> Iterator[Row]:
        """Give the rows of the area, of what is named, of people and of all that they are compared with."""
        area = population_mean(self.area)
        yield from rows_of(area, terms.AREA, {})
        others = dict(self.others())
        if self.data.human is not None:
            yield from self.people(others)
        for (source, contrast), rows in others.items():
            key: Row = {"source": source, "contrast": contrast} if contrast else {"source": source}
            result = self.with_density(population_mean(actor_means(self.of_images(rows))["value"]))
            yield from (row for quantity in (terms.SHARE, terms.DENSITY) for row in rows_of(result, quantity, key))

    def others(self) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
        """Give the rows of each source but people, and of controls, by source and kind of control."""
        for source in self.data.classifier_maps:
            yield (source, ""), self.masses(source)
            networks = self.table[(self.table["source"] == source) & (self.table["network"] != "")]
            if len(networks):
                yield (source, RANDOMISED), networks
        for control in (CENTRE, SOBEL):
            yield (control, ""), self.masses(control)

    def people(self, others: dict[tuple[str, str], pd.DataFrame]) -> Iterator[Row]:
        """Give the rows of people's boxes and names, and of the boxes less each other source."""
        drawn = self.masses(HUMAN)
        if (drawn["worker"] == "").any():
            mean = population_mean(actor_means(self.of_images(drawn))["value"])
            result = self.with_density(mean.assign(ci_low=mean["value"] * np.nan, ci_high=mean["value"] * np.nan,
                                                   reason=NO_WORKERS))
            yield from (row for quantity in (terms.SHARE, terms.DENSITY)
                        for row in rows_of(result, quantity, {"source": HUMAN}))
            return
        boxes = self.responses(drawn, drawn[list(REGIONS)].to_numpy(float))
        options = {"n_resamples": self.analysis.statistics.n_resamples}
        yield from rows_or_reasons([terms.SHARE, terms.DENSITY], {"source": HUMAN}, lambda *given, **more: (
            self.with_density(people_region_shares(*given, **more))), boxes, rng=self.stream("boxes"), **options)[0]
        responses = self.data.responses
        if responses is not None and "label" in responses:
            held = responses[responses["image"].isin(drawn["image"])]
            yield from rows_or_reasons([terms.NAMED], {"source": HUMAN}, people_region_shares, self.responses(
                held, named_regions(held["label"]).to_numpy()), rng=self.stream("names"), **options)[0]
        for (source, contrast), rows in others.items():
            other = actor_means(self.of_images(rows))["value"]
            same = boxes.isel(response=np.isin(boxes["image"], rows["image"]))
            key = {"source": source, "against": HUMAN, "contrast": terms.BETWEEN.format(
                contrast or (source if source in terms.CONTROLS else "classifier"))}
            yield from adjusted(rows_or_reasons([terms.DIFFERENCE], key, people_region_shares, same, other=other,
                                                rng=self.stream("differences"), **options)[0], "regions")

    def responses(self, rows: pd.DataFrame, masses: np.ndarray) -> xr.DataArray:
        """Give masses of single responses (response, region) with their images, actors and workers."""
        actors = self.actor.loc[rows["image"]]
        names = {"image": rows["image"], "actor": actors, "worker": rows["worker"]}
        return xr.DataArray(masses, {"region": list(REGIONS), **{
            name: ("response", column.to_numpy(str)) for name, column in names.items()}}, ("response", "region"))

    def stream(self, of: str) -> np.random.Generator:
        """Draws of their own; those of all differences are the same."""
        return stream(self.analysis.seed, "regions", of)


def missing(data: StudyData) -> str:
    """Say why there are no regions; empty where there are."""
    if data.human is None and not data.classifier_maps:
        return NO_MAPS
    if data.get("landmarks") is None:
        return NO_LANDMARKS
    table = data.get(terms.TABLE)
    return "" if table is not None and len(table) else NO_MESH


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate the shares of every source, and people's less the others'."""
    why = missing(analysis.data)
    if why == NO_MAPS:
        return
    if why:
        source = analysis.data.main if analysis.data.human is None else HUMAN
        yield [without_value(why, **terms.SHARE.name, source=source)], []
        return
    analysis.progress.say("  regions of the face")
    yield list(guarded(_Regions(analysis).rows(), **terms.SHARE.name)), []

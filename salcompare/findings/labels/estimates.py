"""Estimates of which labels people use, where actors differ in them, and whether workers and classifiers agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from salcompare import maps as mapping
from salcompare.findings.failures import FAILURES, guarded, undefined_row
from salcompare.findings.labels import SHARE
from salcompare.findings.parts import Analysis, Draws, stream
from salcompare.naming import HUMAN
from salcompare.report.tables import FEWEST_BOXES
from salcompare.schema import LABELS
from salcompare.statistics.agreement import worker_agreement
from salcompare.statistics.labels.differences import SAME, label_differences
from salcompare.statistics.labels.histogram import label_histogram, population_label_histogram
from salcompare.statistics.labels.regions import label_enrichment, region_association
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from salcompare.config import Maps, Statistics
    from salcompare.findings.rows import Row

MOST_HEADLINES = 12
DIFFERENCE = "actor minus other actors"
REGION = "human label share with mask share in the label's region"


def label_estimates(data: StudyData, maps: Maps, statistics: Statistics, seed: int) -> Iterator[Row]:
    """Estimate shares of labels, differences between actors, workers' agreement, and masks in labels' regions.

    The labels of the original task come first, used or not; a worker's own labels follow.
    """
    if data.responses is None:
        return
    known = data.images if "image" in data.responses else None
    yield from guarded(_histogram_rows(data.responses, known, statistics, seed), statistic="label_share",
                       metric="share", source="human")
    yield from _difference_rows(data.responses, data.images, statistics, seed)
    yield _agreement_row(data.responses, data.images, statistics, seed)
    for source, found in data.classifier_maps.items():
        masks = mapping.top_mask(found["saliency"], share=maps.mask_share)
        yield from _region_rows(source, data.responses, known, masks, statistics, seed)
        yield from _enrichment_rows(source, data.responses, known, _marked(found["saliency"], masks), statistics, seed)
    if data.human is not None:
        masks = mapping.top_mask(data.human["coverage"], share=maps.mask_share)
        marked = _marked(data.human["coverage"], masks)
        yield from _enrichment_rows("human", data.responses, known, marked, statistics, seed)


def _histogram_rows(responses: pd.DataFrame, known: pd.DataFrame | None, statistics: Statistics,
                    seed: int) -> Iterator[Row]:
    n_resamples = statistics.n_resamples
    population = population_label_histogram(responses, known, rng=stream(seed, "labels"), n_resamples=n_resamples,
                                            labels=LABELS)
    actors = label_histogram(responses, known, rng=stream(seed, "labels"), n_resamples=n_resamples, labels=LABELS)
    for histogram, level in ((population, "population"), (actors, "actor")):
        yield from _share_rows(histogram, level)
        yield from _effective_rows(histogram, level)


def _share_rows(histogram: pd.DataFrame, level: str) -> Iterator[Row]:
    about = histogram.attrs
    totals = histogram.groupby("actor" if "actor" in histogram else lambda _: 0)["n_responses"].transform("sum")
    for row, total in zip(histogram.to_dict("records"), totals, strict=True):
        yield {
            "statistic": "label_share", "metric": "share", "level": level, "source": "human", "label": row["label"],
            "actor": row.get("actor"), "value": row["share"], "ci_low": row["ci_low"], "ci_high": row["ci_high"],
            "ci_method": about["ci_method"], "resampled": about["resampled"], "n": total, "count": row["n_responses"],
            "n_undefined": row["n_undefined"], "reason": row["reason"] or None, "n_resamples": about["n_resamples"]}


def _effective_rows(histogram: pd.DataFrame, level: str) -> Iterator[Row]:
    """Give one row an actor, or one, since balancing weighs all labels of an actor alike."""
    by = "actor" if "actor" in histogram else histogram["n_effective"] * 0
    for actor, rows in histogram.groupby(by, sort=False):
        yield {"statistic": "label_responses", "metric": "n_effective", "level": level, "source": "human",
               "actor": actor if level == "actor" else None, "value": float(rows["n_effective"].iloc[0]),
               "n": int(rows["n_responses"].sum())}


def _difference_rows(responses: pd.DataFrame, images: pd.DataFrame, statistics: Statistics, seed: int) -> Iterator[Row]:
    """Give the omnibus test, one test a label, and one a cell."""
    key = {"statistic": "label_difference", "source": "human"}
    shoots = "shoot" in images and bool(images["shoot"].notna().all())
    try:
        found = label_differences(responses, images, rng=stream(seed, "labels", "differences"), labels=LABELS,
                                  n_permutations=statistics.n_permutations, clusters="shoot" if shoots else None)
    except FAILURES as error:
        yield undefined_row(error, **key, metric="mean_eta2")
        return
    about = {"null": found.attrs["null"], "n_resamples": found.attrs["n_permutations"]}
    n_images = int(found["n_images"].sum())
    left_out = {"n": n_images, "n_undefined": int(found["n_left_out"].sum())}
    of_test = {"alternative": "greater", "p_attainable": float(found["omnibus_p_attainable"])}
    yield {**key, **about, **left_out, **of_test, "metric": "mean_eta2", "level": "population",
           "value": float(found["omnibus"]), "null_mean": float(found["omnibus_null_mean"]),
           "p_value": float(found["omnibus_p_value"]), "reason": _evened_out(found)}
    for label in found["label"].to_numpy().tolist():
        row = {**key, **left_out, "metric": "eta2", "level": "population", "label": label,
               "value": float(found["eta2"].sel(label=label))}
        p = float(found["label_p_value"].sel(label=label))
        null_mean = float(found["label_null_mean"].sel(label=label))
        yield {**row, "reason": SAME} if np.isnan(p) else {**row, **about, **of_test, "p_value": p,
                                                           "null_mean": null_mean}
    yield from _cell_rows(found, {**key, **about})


def _evened_out(found: xr.Dataset) -> str | None:
    """Say what was done about numbers of responses that differ between actors."""
    kept = found.attrs["per_image"]
    return f"actors differ in responses an image; {kept} of each image were drawn at random" if kept else None


def _cell_rows(found: xr.Dataset, key: Row) -> Iterator[Row]:
    names = ("ci_low", "ci_high", "p_value", "p_adjusted", "reason")
    cells = found[["share", "difference", *names]].to_dataframe().reset_index()
    n_images = found["n_images"].to_series()
    for row in cells.to_dict("records"):
        tested = not np.isnan(row["p_value"])
        of_test = {"family": found.attrs["family"], "family_size": found.attrs["family_size"], "null_mean": 0.0,
                   "p_attainable": found.attrs["p_attainable"], "alternative": "two-sided"} if tested else {}
        yield {**key, **of_test, **{name: row[name] for name in names}, "metric": "share_difference", "level": "actor",
               "contrast": DIFFERENCE, "actor": row["actor"], "label": row["label"], "value": row["difference"],
               "value_one": row["share"] if tested else np.nan, "value_other": row["share"] - row["difference"],
               "ci_method": found.attrs["ci_method"], "resampled": found.attrs["resampled"],
               "n": int(n_images[row["actor"]]), "reason": row["reason"] or None}


def _agreement_row(responses: pd.DataFrame, images: pd.DataFrame, statistics: Statistics, seed: int) -> Row:
    key = {"statistic": "label_agreement", "metric": "krippendorff_alpha", "level": "population", "source": "human"}
    try:
        found = worker_agreement(responses, images, rng=stream(seed, "labels", "agreement"),
                                 n_resamples=statistics.n_resamples)
    except FAILURES as error:
        return undefined_row(error, **key)
    return {**key, "value": float(found["alpha"]), "ci_low": float(found["ci_low"]), "ci_high": float(found["ci_high"]),
            **found.attrs, "n": int(found["n_images"]), "n_undefined": int(found["n_undefined"]),
            "reason": str(found["reason"].item()) or None}


def _region_rows(source: str, responses: pd.DataFrame, images: pd.DataFrame | None, masks: xr.DataArray,
                 statistics: Statistics, seed: int) -> Iterator[Row]:
    """Give the mean correlation over labels, and one a label."""
    key = {"statistic": "label_region", "form": "masks", "level": "population", "source": source, "against": "human",
           "contrast": REGION}
    try:
        found = region_association(responses, images, masks, rng=stream(seed, "labels", "regions", source),
                                   n_permutations=statistics.n_permutations, labels=LABELS)
    except FAILURES as error:
        yield undefined_row(error, **key, metric="mean_pearson")
        return
    n = int(found["n_permutations"])
    test = {"null": found.attrs["null"], "alternative": "two-sided", "n_resamples": n}
    counts = {"n": found.attrs["n_actors"], "n_undefined": int(found["n_undefined"])}
    attainable = float(found["p_attainable"])
    mean = float(found["mean_correlation"])
    yield {**key, **counts, **test, "metric": "mean_pearson", "value": mean, "p_value": float(found["mean_p_value"]),
           "p_attainable": attainable, "reason": "no label has a correlation" if np.isnan(mean) else None}
    for label in found["label"].to_numpy().tolist():
        one = found.sel(label=label)
        tested = {**test, "p_attainable": attainable} if not np.isnan(one["p_value"]) else {}
        yield {**key, **counts, **tested, "metric": "pearson", "label": label, "value": float(one["correlation"]),
               "ci_low": float(one["ci_low"]), "ci_high": float(one["ci_high"]), "ci_method": found.attrs["ci_method"],
               "resampled": found.attrs["resampled"], "p_value": float(one["p_value"]),
               "reason": str(one["reason"].item()) or None}


def _marked(maps: xr.DataArray, masks: xr.DataArray) -> xr.DataArray:
    """Leave out of masks what the map is 0 on: pixels at places that are the same for all maps break such ties."""
    return masks & (maps > 0)


def _enrichment_rows(source: str, responses: pd.DataFrame, images: pd.DataFrame | None, masks: xr.DataArray,
                     statistics: Statistics, seed: int) -> Iterator[Row]:
    """Give the mean over actors and each actor's own, label by label; 1 is a mask laid anywhere."""
    key = {"statistic": "enrichment", "metric": "ratio", "form": "masks", "source": source}
    try:
        found = label_enrichment(responses, images, masks, rng=stream(seed, "labels", "enrichment", source),
                                 n_permutations=statistics.n_permutations, labels=LABELS)
    except FAILURES as error:
        yield undefined_row(error, **key)
        return
    for label in found["label"].to_numpy().tolist():
        one = found.sel(label=label)
        attainable = float(one["p_attainable"])
        tested = {"null": found.attrs["null"], "null_mean": 1.0, "alternative": "two-sided", "p_attainable": attainable,
                  "p_value": float(one["p_value"]), "n_resamples": round(1 / attainable) - 1} if attainable > 0 else {}
        yield {**key, **tested, "level": "population", "label": label, "value": float(one["enrichment"]),
               "ci_low": float(one["ci_low"]), "ci_high": float(one["ci_high"]), "ci_method": found.attrs["ci_method"],
               "resampled": found.attrs["resampled"], "n": int(one["n"]), "n_undefined": int(one["n_undefined"]),
               "reason": str(one["reason"].item()) or None}
    for row in found[["actor_enrichment", "actor_low", "actor_high", "actor_n"]].to_dataframe().reset_index().to_dict(
            "records"):
        yield {**key, "level": "actor", "label": row["label"], "actor": row["actor"], "value": row["actor_enrichment"],
               "ci_low": row["actor_low"], "ci_high": row["actor_high"], "ci_method": "t", "resampled": "images",
               "n": row["actor_n"], "reason": None if row["actor_n"] else "no other actor has a box of the label"}


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate shares of labels, their differences, and where masks lie among them."""
    analysis.progress.say("  labels")
    made = label_estimates(analysis.data, analysis.maps, analysis.statistics, analysis.seed)
    yield list(guarded(made, statistic="label_share", source="human")), []


def headlines(analysis: Analysis) -> Iterator[Row]:
    """Give the rows that the summary rests on."""
    return label_estimates(analysis.main_data, analysis.maps, analysis.statistics, analysis.seed)


def more_headlines(kept: pd.DataFrame, whole: pd.DataFrame,
                   source: str | None) -> Iterator[tuple[str, dict[str, str]]]:  # noqa: ARG001 - as every finding's
    """Name the shares of the labels drawn most often, whoever thought of them."""
    columns = ["statistic", "level", "label", "value", "count"]
    tables = [table[(table["statistic"] == SHARE) & (table["level"] == "population")
                    & (table["count"] >= FEWEST_BOXES)] for table in (
                        part.reindex(columns=columns) for part in (kept, whole))]
    table = next((table for table in tables if len(table)), tables[0])
    for label in table.sort_values("value", ascending=False, kind="stable")["label"].head(MOST_HEADLINES):
        yield f"Share of the label {label}", {"statistic": SHARE, "label": str(label), "source": HUMAN}

"""The numbers that a report's summary rests on, from the responses that are kept and from all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from salcompare import maps as mapping
from salcompare.findings.agreement.estimates import agreement_estimates
from salcompare.findings.ceilings.estimates import noise_ceiling_rows, share_rows
from salcompare.findings.floors import with_p_is
from salcompare.findings.labels.estimates import label_estimates
from salcompare.findings.overlap.estimates import OverlapAnalysis
from salcompare.findings.parts import AnalysisData
from salcompare.findings.relative.estimates import people_estimates
from salcompare.findings.rows import estimates_table
from salcompare.findings.symmetry.estimates import asymmetry_estimates, symmetry_estimates
from salcompare.findings.variance.estimates import variance_estimates
from salcompare.report.picking import FEWEST_BOXES

if TYPE_CHECKING:
    from salcompare.config import Maps, Statistics
    from salcompare.findings.rows import Row

LEVEL = 0.05
MOST_LABELS = 12
KEY = ("statistic", "metric", "form", "source", "contrast", "label")
COLUMNS = ("headline", *KEY, "value", "ci_low", "ci_high", "p_value", "p_is", "n", "value_all", "ci_low_all",
           "ci_high_all", "p_value_all", "p_is_all", "n_all", "difference", "verdict", "reason")
"""Of the table: what is named ``..._all`` rests on all responses, the rest on those that are kept."""
_PEOPLE: tuple[tuple[str, dict[str, str]], ...] = (
    ("Human maps: R² of who is shown", {"statistic": "variance_explained", "metric": "r2", "form": "raw"}),
    ("Human maps, smoothed: R² of who is shown", {"statistic": "variance_explained", "metric": "r2",
                                                  "form": "smoothed"}),
    ("Human maps: between-actor share", {"statistic": "variance_explained", "metric": "between_actor_share",
                                         "form": "raw"}),
    ("Human maps, smoothed: between-actor share", {"statistic": "variance_explained", "metric": "between_actor_share",
                                                   "form": "smoothed"}),
    ("Human maps, smoothed: R² beyond the photographs", {"statistic": "variance_explained", "metric": "r2_partial",
                                                         "form": "smoothed"}),
    ("Actors whose human maps differ from others'", {"statistic": "relative_saliency", "metric": "max_t"}),
    ("Noise ceiling", {"statistic": "noise_ceiling", "metric": "pearson", "form": "smoothed"}),
    ("Agreement of labels, alpha", {"statistic": "label_agreement", "metric": "krippendorff_alpha"}),
    ("Agreement of boxes, alpha", {"statistic": "box_agreement", "metric": "krippendorff_alpha"}),
    ("Agreement of boxes, mean IoU", {"statistic": "box_agreement", "metric": "mean_iou"}),
    ("Actors differ in labels, eta²", {"statistic": "label_difference", "metric": "mean_eta2"}),
    ("Human maps: symmetry index", {"statistic": "symmetry", "metric": "index"}),
    ("Human maps: laterality", {"statistic": "symmetry_test", "metric": "worker_laterality"}),
)
_OVERLAP = {"statistic": "overlap", "metric": "pearson", "form": "smoothed"}
_SHARE = {"statistic": "share_of_ceiling", "metric": "pearson", "form": "smoothed"}
_CLASSIFIER: tuple[tuple[str, dict[str, str]], ...] = (
    ("Overlap on the same image", {**_OVERLAP, "contrast": "same image"}),
    ("Image effect", {**_OVERLAP, "contrast": "image effect"}),
    ("Actor effect", {**_OVERLAP, "contrast": "actor effect"}),
    ("Overlap minus a centred blob's", {**_OVERLAP, "contrast": "minus baseline/centre"}),
    ("Overlap minus the average face's", {**_OVERLAP, "contrast": "minus baseline/other actors"}),
    ("Share of the ceiling, over 0", {**_SHARE, "contrast": "over no correlation"}),
    ("Share of the ceiling, over other actors", {**_SHARE, "contrast": "over other actors' classifier maps"}),
    ("Share of the ceiling, over the average face", {**_SHARE, "contrast": "over other actors' human maps"}),
    ("Similarity of actors", {"statistic": "actor_similarity", "metric": "correlation"}),
    ("Masks lie where labels are named", {"statistic": "label_region", "metric": "mean_pearson"}),
    ("People minus classifier, odd share", {"statistic": "symmetry", "metric": "odd_share",
                                            "contrast": "human minus classifier"}),
)


def headline_source(sources: list[str]) -> str | None:
    """Name the classifier that the summary speaks of: the last variant of the first classifier."""
    first = [source for source in sources if source.split("/")[0] == sources[0].split("/")[0]]
    return first[-1] if first else None


def headline_estimates(data: AnalysisData, *, maps: Maps, statistics: Statistics, seed: int) -> pd.DataFrame:
    """Compute again what a summary rests on, and little else, with the same random streams as `analyse`.

    Parameters
    ----------
    data : AnalysisData
        With the responses and human maps that are asked about.
    maps, statistics, seed
        As for `analyse`.

    Returns
    -------
    DataFrame
        Some of the rows of `salcompare.schema.ESTIMATES`, not adjusted.
    """
    return with_p_is(estimates_table(_rows(data, maps, statistics, seed)), statistics.n_permutations)


def compare_headlines(kept: pd.DataFrame, whole: pd.DataFrame, source: str | None) -> pd.DataFrame:
    """Put each headline number with and without exclusions side by side.

    Parameters
    ----------
    kept, whole : DataFrame
        Estimates from the responses that are kept, and from all of them.
    source : str or None
        The classifier that the summary speaks of.

    Returns
    -------
    DataFrame
        `COLUMNS`, one row a headline number that either has. verdict says whether evidence comes or goes: by p at most
        0.05, or where there is no p and the number is a difference, by whether the interval leaves 0 out.
    """
    named = [(name, {**key, "source": "human"}) for name, key in (*_PEOPLE, *_labels(kept, whole))]
    if source:
        named += [(name, {**key, "source": source}) for name, key in (*_CLASSIFIER, *_others(kept, source))]
    rows = []
    for name, key in named:
        one, other = (_pick(table, key) for table in (kept, whole))
        some = one if one is not None else other
        if some is None:
            continue
        row: dict[str, object] = {"headline": name, **{column: some[column] for column in KEY}}
        for found, end in ((one, ""), (other, "_all")):
            row |= {f"{column}{end}": None if found is None else found[column]
                    for column in ("value", "ci_low", "ci_high", "p_value", "p_is", "n")}
        rows.append({**row, "verdict": _verdict(one, other), "reason": None if one is None else one["reason"]})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = [name for name in COLUMNS if name.startswith(("value", "ci_", "p_value", "n"))]
    table = table.astype(dict.fromkeys(numbers, "float64"))
    return table.assign(difference=table["value"] - table["value_all"])


def _labels(kept: pd.DataFrame, whole: pd.DataFrame) -> Iterator[tuple[str, dict[str, str]]]:
    """Name the shares of the labels drawn most often, whoever thought of them."""
    columns = ["statistic", "level", "label", "value", "count"]
    tables = [table[(table["statistic"] == "label_share") & (table["level"] == "population")
                    & (table["count"] >= FEWEST_BOXES)] for table in (
                        part.reindex(columns=columns) for part in (kept, whole))]
    table = next((table for table in tables if len(table)), tables[0])
    for label in table.sort_values("value", ascending=False, kind="stable")["label"].head(MOST_LABELS):
        yield f"Share of the label {label}", {"statistic": "label_share", "label": str(label)}


def _others(estimates: pd.DataFrame, source: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Name the comparisons of the classifier with other variants, methods and classifiers."""
    rows = estimates[(estimates["statistic"] == "overlap") & (estimates["source"] == source)]
    for contrast in rows["contrast"].dropna().unique().tolist():
        if contrast.startswith("minus ") and contrast.count("/") == 2:
            name, variant, method = contrast.removeprefix("minus ").split("/")
            by = "" if source.endswith(f"/{method}") else f" {method.replace('_', ' ')}"
            yield f"Overlap minus {name} {variant}{by}'s", {**_OVERLAP, "contrast": contrast}


def _pick(table: pd.DataFrame, key: dict[str, str]) -> dict[str, object] | None:
    fits = (table["level"] == "population").to_numpy()
    for column, value in key.items():
        fits = fits & (table[column] == value).to_numpy()
    found = table[fits].to_dict("records")
    return {str(name): value for name, value in found[0].items()} if found else None


def _verdict(one: dict[str, object] | None, other: dict[str, object] | None) -> str:
    evidence = [_evidence(found) for found in (one, other)]
    if None in evidence:
        return ""
    return "same" if evidence[0] == evidence[1] else "evidence only with exclusions" if evidence[0] else (
        "evidence only without exclusions")


def _evidence(found: dict[str, object] | None) -> bool | None:
    """Whether there is evidence for an effect; None where nothing was tested."""
    if found is None:
        return None
    p, low, high = (float(str(found[name])) for name in ("p_value", "ci_low", "ci_high"))
    if p == p:
        return p <= LEVEL
    is_difference = str(found["contrast"]).startswith(("minus ", "over ")) and low == low
    return (low > 0 or high < 0) if is_difference else None


def _rows(data: AnalysisData, maps: Maps, statistics: Statistics, seed: int) -> Iterator[Row]:
    source = headline_source(list(data.classifier_maps))
    main = dataclasses.replace(data, classifier_maps={} if source is None else {source: data.classifier_maps[source]})
    yield from agreement_estimates(main, statistics, seed)[0]
    yield from label_estimates(main, maps, statistics, seed)
    if data.human is not None:
        for rows, _ in variance_estimates(main, maps, statistics, seed, only=("human",)):
            yield from rows
        yield from people_estimates(main, maps, statistics, seed)
        yield from asymmetry_estimates(main, maps, statistics, seed, only=("human",))
        people = mapping.actor_heatmap(data.human["coverage"])
    elif data.human_heatmap is not None:
        people = data.human_heatmap
    else:
        return
    yield from symmetry_estimates(main, mapping.stack_sources({"human": people}).load(), maps, statistics, seed)
    if source is not None and data.human is not None:
        yield from _overlaps(OverlapAnalysis(data, maps, statistics, seed, forms=("smoothed",)), source)


def _overlaps(analysis: OverlapAnalysis, source: str) -> Iterator[Row]:
    rows, ceilings = noise_ceiling_rows(analysis.data, analysis.forms, analysis.seed)
    yield from rows
    baselines = analysis.baselines()
    for one in analysis.data.classifier_maps:
        yield from analysis.headline_rows(one, baselines, ceilings)
    yield from analysis.comparison_rows()
    yield from share_rows(analysis.data, source, analysis.statistics, analysis.seed, sigma=analysis.sigma)

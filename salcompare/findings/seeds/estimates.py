"""Estimates over training seeds: accuracy, reliability of maps, overlap with people, and weights near zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.config import Maps, Statistics
from salcompare.findings import seeds
from salcompare.findings.analysis import Analysis, Draws, tested_difference
from salcompare.findings.failures import FAILURES, guarded, undefined_row, without_value
from salcompare.findings.finding import Quantity
from salcompare.findings.rows import Row, rows_of
from salcompare.maps import smooth
from salcompare.naming import HUMAN, RAW, SMOOTHED, network
from salcompare.random_numbers import stream
from salcompare.statistics.ceilings.seeds import seed_reliability
from salcompare.statistics.inference.resampling import actor_means, population_mean, t_interval
from salcompare.statistics.metrics.densities import pearson
from salcompare.study_data import StudyData

NULL = "both variants' reliabilities exchanged within actors"
_SHARES = {"share_near_zero": seeds.RELATIVE, "share_below_0.001": seeds.ABSOLUTE}
_FROZEN, _FINETUNED = "/frozen/", "/finetuned/"


def seed_estimates(data: StudyData, maps: Maps, statistics: Statistics, seed: int, *, people: float) -> Iterator[Row]:
    """Estimate what varies over the seeds that classifiers are trained with, and the share of weights near zero.

    ``people`` is their noise ceiling; of `seed_maps`, `seed_accuracies` and `seed_weights` what
    is missing gives no rows.
    """
    yield from _near_zero(data.get("seed_weights"))
    yield from _accuracies(data.get("seed_accuracies"))
    reliable: dict[tuple[str, str], xr.Dataset] = {}
    for source, of_seeds in data.get("seed_maps", {}).items():
        for form, sigma in ((RAW, None), (SMOOTHED, maps.sigma * of_seeds.sizes["x"])):
            key = {"form": form, "sigma": sigma, "source": source, "contrast": seeds.SAME_IMAGE}
            try:
                result = reliable[source, form] = seed_reliability(
                    of_seeds, sigma=sigma or 0.0, n_permutations=statistics.n_permutations,
                    rng=stream(seed, "seeds", source, form))
            except FAILURES as error:
                yield undefined_row(error, **{**seeds.RELIABLE.name, **key})
            else:
                yield from _reliability(result, key)
    for before, after in _variants(data.get("seed_maps", {})):
        yield from _tuned(reliable, before, after, statistics, seed)
    if data.human is not None:
        yield from _overlaps(data, maps, reliable, people)


def _reliability(result: xr.Dataset, key: Row) -> Iterator[Row]:
    """Give the rows of one source in one form; those of actors of the quantity that its ceiling follows from."""
    whole = f"mean of {result.attrs['n_seeds']} trainings"
    for quantity, part in ((seeds.RELIABLE, seeds.SAME_IMAGE), (seeds.RELIABLE, seeds.OTHER_IMAGE),
                           (seeds.TESTED, seeds.IMAGE_EFFECT), (seeds.RELIABLE, "mean map"),
                           (seeds.REACHABLE, "ceiling")):
        contrast = {"mean map": whole, "ceiling": None}.get(part, part)
        yield from rows_of(result.sel(quantity=part, drop=True), quantity, {**key, "contrast": contrast})
    same = result.sel(quantity=seeds.SAME_IMAGE, drop=True)
    reasons = np.where(np.isnan(same["actor_value"]), "a map of every image is constant", "")
    yield from rows_of(same.assign(actor_reason=("actor", reasons)), seeds.RELIABLE.of_actors({}), key)


def _variants(sources: Mapping[str, object]) -> list[tuple[str, str]]:
    """Pair each classifier's frozen with its finetuned source, by method."""
    return [(source.replace(_FINETUNED, _FROZEN), source) for source in sources
            if _FINETUNED in source and source.replace(_FINETUNED, _FROZEN) in sources]


def _tuned(reliable: Mapping[tuple[str, str], xr.Dataset], before: str, after: str, statistics: Statistics,
           seed: int) -> Iterator[Row]:
    """Compare the reliability of finetuned and frozen maps, paired over actors."""
    for form in (RAW, SMOOTHED):
        if (before, form) in reliable and (after, form) in reliable:
            one, other = (reliable[source, form]["actor_value"].sel(quantity=seeds.SAME_IMAGE, drop=True)
                          for source in (after, before))
            result = tested_difference(one, other, null=NULL, rng=stream(seed, "seeds", "tuned", after, form),
                                       n_permutations=statistics.n_permutations)
            yield from rows_of(result, seeds.MORE_RELIABLE, {
                "form": form, "sigma": reliable[after, form].attrs["sigma"] or None, "source": after, "against": before,
                "contrast": seeds.TUNED})


def _overlaps(data: StudyData, maps: Maps, reliable: Mapping[tuple[str, str], xr.Dataset],
              people: float) -> Iterator[Row]:
    """Correlate people's maps with those of every seed: the mean over seeds, its spread, and the common ceiling."""
    by_seed = {source: _overlap(data, of_seeds, maps) for source, of_seeds in data.get("seed_maps", {}).items()}
    keys = {source: {"form": SMOOTHED, "source": source, "sigma": maps.sigma * of_seeds.sizes["x"], "against": HUMAN}
            for source, of_seeds in data.get("seed_maps", {}).items()}
    for source, overlaps in by_seed.items():
        if overlaps is None:
            continue
        known = (source, SMOOTHED) in reliable
        ceiling = float(reliable[source, SMOOTHED]["value"].sel(quantity="ceiling")) if known else np.nan
        yield from rows_of(population_mean(overlaps.mean("seed", skipna=False)), seeds.OVERLAPPING, {
            **keys[source], "contrast": seeds.FOR_SEEDS, "ceiling": people * ceiling})
        held = overlaps.dropna("actor")
        yield from rows_of(_over_seeds(held.mean("actor")), seeds.OVERLAPPING, {
            **keys[source], "contrast": seeds.FOR_ACTORS})
        for number in held["seed"].to_numpy().tolist():
            yield from rows_of(population_mean(held.sel(seed=number, drop=True)), seeds.OVERLAPPING, {
                **keys[source], "contrast": f"seed {number}"})
    for before, after in _variants(by_seed):
        one, other = by_seed[after], by_seed[before]
        if one is not None and other is not None:
            held = (one - other).dropna("actor")["actor"]
            yield from _paired([side.sel(actor=held).mean("actor").to_series() for side in (one, other)],
                               seeds.MORE_OVERLAPPING, {**keys[after], "contrast": seeds.TUNED})


def _overlap(data: StudyData, of_seeds: xr.DataArray, maps: Maps) -> xr.DataArray | None:
    """Overlap of people's smoothed maps with each seed's: mean over images (seed, actor)."""
    if data.human is None:
        return None
    coverage = data.human["coverage"]
    held = set(of_seeds["image"].to_numpy().tolist())
    common = [image for image in coverage["image"].to_numpy().tolist() if image in held]
    if not common:
        return None
    sigma = maps.sigma * of_seeds.sizes["x"]
    people = smooth(coverage.sel(image=common).load(), sigma=sigma)
    each = [actor_means(pearson(people, smooth(of_seeds.isel(seed=at, drop=True).sel(image=common).load(),
                                               sigma=sigma)))["value"] for at in range(of_seeds.sizes["seed"])]
    together: xr.DataArray = xr.concat(each, "seed")
    return together.assign_coords(seed=of_seeds["seed"].to_numpy())


def _accuracies(table: pd.DataFrame | None) -> Iterator[Row]:
    """Give the mean accuracy over seeds, and finetuned less frozen, paired over seeds, where there are several."""
    if table is None or table.empty:
        return
    for (classifier, split), part in table.groupby(["classifier", "split"], sort=False):
        if part["seed"].nunique() < 2:
            continue
        of = part.pivot_table(index="seed", columns="variant", values="accuracy", sort=False)
        for variant in part["variant"].unique():
            key = {"metric": split, "source": network(classifier, variant)}
            if variant in of:
                yield from rows_of(_over_seeds(of[variant], share=True), seeds.ACCURATE, key)
            else:
                yield {"n": 0, **without_value(f"no {split} image", **{**seeds.ACCURATE.name, **key})}
        if {"frozen", "finetuned"} <= set(of):
            yield from _paired([of["finetuned"], of["frozen"]], seeds.MORE_ACCURATE, {
                "metric": split, "source": network(classifier, "finetuned"), "contrast": seeds.TUNED})


def _near_zero(weights: pd.DataFrame | None) -> Iterator[Row]:
    """Give the share of weights near zero: of convolutions and of linear layers, and between classifiers."""
    if weights is None or weights.empty:
        return
    kinds = np.where(weights["kind"].str.startswith("Conv"), seeds.CONVOLUTIONS, seeds.LINEAR)
    for kind, of_kind in weights.groupby(kinds):
        shares = _pooled(of_kind)
        for column, form in _SHARES.items():
            table = shares.pivot_table(index=["classifier", "variant"], columns="seed", values=column, sort=False)
            key = {"metric": kind, "form": form}
            for classifier, variant in table.index:
                yield from rows_of(_over_seeds(table.loc[classifier, variant].dropna(), share=True), seeds.SMALL, {
                    **key, "source": network(classifier, variant)})
            yield from _between(table, key)


def _between(table: pd.DataFrame, key: Row) -> Iterator[Row]:
    """Compare variants of one classifier, and one variant of two classifiers, paired over the seeds they share."""
    for (name, variant), (other, of_other) in combinations(table.index, 2):
        if (name == other) == (variant == of_other):
            continue
        # Of two variants the finetuned comes second; of two classifiers the first is compared with the second.
        pair = [(other, of_other), (name, variant)] if name == other else [(name, variant), (other, of_other)]
        source, against = (network(*of) for of in pair)
        yield from _paired([table.loc[of] for of in pair], seeds.MORE_SMALL, {
            **key, "source": source, "against": against, "contrast": f"minus {against}"})


def _pooled(weights: pd.DataFrame) -> pd.DataFrame:
    """Shares of all weights together, by classifier, variant and seed."""
    counted = weights[list(_SHARES)].mul(weights["n_weights"], axis=0).assign(n_weights=weights["n_weights"])
    total = counted.groupby([weights[name] for name in ("classifier", "variant", "seed")], sort=False).sum()
    return total[list(_SHARES)].div(total["n_weights"], axis=0)


def _paired(pair: Sequence[pd.Series], quantity: Quantity, key: Row) -> list[Row]:
    """Make the row of a mean difference over the seeds that both have, with the two means."""
    both = pd.concat(list(pair), axis=1, keys=["one", "other"]).dropna()
    means = {name: float(both[name].mean()) if len(both) else float("nan") for name in both}
    return rows_of(_over_seeds(both["one"] - both["other"]).assign(means), quantity, key)


def _over_seeds(values: pd.Series | xr.DataArray, *, share: bool = False) -> xr.Dataset:
    """Average over seeds, with a t interval; that of a share ends at 0 and 1."""
    data = np.asarray(values, float)
    interval, n = t_interval(data, resampled="seeds", fewest=seeds.FEWEST_SEEDS), int((~np.isnan(data)).sum())
    same = n > 1 and float(np.nanmax(data)) == float(np.nanmin(data))
    ends = (np.nan, np.nan) if same else (float(interval.low), float(interval.high))
    low, high = np.clip(ends, 0, 1) if share else ends
    return xr.Dataset({
        "value": float(np.nanmean(data)) if n else np.nan, "ci_low": low, "ci_high": high, "n": n,
        "n_undefined": data.size - n, "reason": "all seeds give the same value" if same else interval.reason.item(),
    }, attrs={"ci_method": interval.method, "resampled": "seeds"})


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate what varies over training seeds, against people's noise ceiling."""
    people = analysis.shared.get("ceilings", {}).get(SMOOTHED, np.nan)
    made = seed_estimates(analysis.data, analysis.maps, analysis.statistics, analysis.seed, people=people)
    yield list(guarded(made, statistic=seeds.RELIABILITY)), []

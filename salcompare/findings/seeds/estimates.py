"""Estimates over training seeds: accuracy, reliability of maps, overlap with people, and weights near zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.findings.analysis import Analysis, Draws, about_test, population_row, side_means, stream
from salcompare.findings.failures import FAILURES, guarded, undefined_row
from salcompare.maps import smooth
from salcompare.statistics.ceilings.seeds import seed_reliability
from salcompare.statistics.inference.permutation import sign_flip_test
from salcompare.statistics.inference.resampling import actor_means, population_mean, t_interval
from salcompare.statistics.metrics.densities import pearson
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    from salcompare.config import Maps, Statistics
    from salcompare.findings.rows import Row

FEWEST_SEEDS = 3
"""Below so many seeds there is no t interval over seeds."""
TUNED = "finetuned minus frozen"
FOR_SEEDS, FOR_ACTORS = "mean over seeds, for these seeds", "mean over seeds, for these actors"
_SHARES = {"share_near_zero": "relative", "share_below_0.001": "absolute"}
_CONTRASTS = ("same image", "other image", "image effect")


def seed_estimates(data: StudyData, maps: Maps, statistics: Statistics, seed: int, *,
                   people: Mapping[str, float]) -> Iterator[Row]:
    """Estimate what varies over the seeds that classifiers are trained with, and the share of weights near zero.

    Parameters
    ----------
    data : StudyData
        Its `seed_maps`, `seed_accuracies` and `seed_weights`; what is missing gives no rows.
    maps, statistics : Maps, Statistics
        Settings.
    seed : int
        Of the study.
    people : mapping of str to float
        People's noise ceiling of each actor, smoothed.
    """
    yield from _near_zero(data.get("seed_weights"))
    yield from _accuracies(data.get("seed_accuracies"))
    reliable: dict[tuple[str, str], xr.Dataset] = {}
    for source, found in data.get("seed_maps", {}).items():
        for form, sigma in (("raw", None), ("smoothed", maps.sigma * found.sizes["x"])):
            key = {"metric": "pearson", "form": form, "sigma": sigma, "source": source}
            try:
                one = seed_reliability(found, sigma=sigma or 0.0, n_permutations=statistics.n_permutations,
                                       rng=stream(seed, "seeds", source, form))
            except FAILURES as error:
                yield undefined_row(error, **key, statistic="seed_reliability", contrast=_CONTRASTS[0])
                continue
            reliable[source, form] = one
            yield from _reliability(one, key)
    for before, after in _variants(data.get("seed_maps", {})):
        yield from _tuned(reliable, before, after, statistics, seed)
    if data.human is not None:
        yield from _overlaps(data, maps, reliable, people)


def _reliability(found: xr.Dataset, key: Row) -> Iterator[Row]:
    """Give the rows of one source in one form; those of actors of the quantity that its ceiling follows from."""
    about = {**key, "statistic": "seed_reliability"}
    for contrast in _CONTRASTS:
        row = population_row(found.sel(quantity=contrast, drop=True), **about, contrast=contrast)
        yield {**row, **about_test(found, null_mean=0.0)} if contrast == "image effect" else row
    yield population_row(found.sel(quantity="mean map", drop=True), **about,
                         contrast=f"mean of {found.attrs['n_seeds']} trainings")
    yield population_row(found.sel(quantity="ceiling", drop=True), **{**key, "statistic": "seed_ceiling"})
    same = found["actor_value"].sel(quantity=_CONTRASTS[0], drop=True)
    for actor, value, n in zip(same["actor"].to_numpy().tolist(), same.to_numpy().tolist(),
                               found["actor_n"].to_numpy().tolist(), strict=True):
        yield {**about, "contrast": _CONTRASTS[0], "level": "actor", "actor": actor, "value": value, "n": n,
               "reason": "a map of every image is constant" if np.isnan(value) else None}


def _variants(sources: Mapping[str, object]) -> list[tuple[str, str]]:
    """Pair each classifier's frozen with its finetuned source, by method."""
    return [(source.replace("/finetuned/", "/frozen/"), source) for source in sources
            if "/finetuned/" in source and source.replace("/finetuned/", "/frozen/") in sources]


def _tuned(reliable: Mapping[tuple[str, str], xr.Dataset], before: str, after: str, statistics: Statistics,
           seed: int) -> Iterator[Row]:
    """Compare the reliability of finetuned and frozen maps, paired over actors."""
    for form in ("raw", "smoothed"):
        if (before, form) not in reliable or (after, form) not in reliable:
            continue
        pair = [reliable[source, form]["actor_value"].sel(quantity="same image", drop=True)
                for source in (after, before)]
        difference = pair[0] - pair[1]
        p, least, _ = sign_flip_test(difference.to_numpy(), n_permutations=statistics.n_permutations,
                                     rng=stream(seed, "seeds", "tuned", after, form))
        tested = population_mean(difference).assign(p_value=p, p_attainable=least)
        found = tested.assign(side_means(*pair)).assign_attrs(
            null="both variants' reliabilities exchanged within actors", alternative="two-sided")
        sigma = reliable[after, form].attrs["sigma"] or None
        yield {**population_row(found, statistic="seed_reliability", metric="pearson", form=form, sigma=sigma,
                                source=after, against=before, contrast=TUNED), **about_test(found, null_mean=0.0)}


def _overlaps(data: StudyData, maps: Maps, reliable: Mapping[tuple[str, str], xr.Dataset],
              people: Mapping[str, float]) -> Iterator[Row]:
    """Correlate people's maps with those of every seed: the mean over seeds, its spread, and the common ceiling."""
    by_seed = {source: _overlap(data, found, maps) for source, found in data.get("seed_maps", {}).items()}
    for source, found in by_seed.items():
        if found is None:
            continue
        key = _overlap_key(source, data, maps)
        yield {**population_row(population_mean(found.mean("seed", skipna=False)), **key, contrast=FOR_SEEDS),
               "ceiling": _common_ceiling(reliable.get((source, "smoothed")), people)}
        held = found.dropna("actor")
        yield _over_seeds(held.mean("actor"), **key, contrast=FOR_ACTORS)
        for number in held["seed"].to_numpy().tolist():
            yield population_row(population_mean(held.sel(seed=number, drop=True)), **key, contrast=f"seed {number}")
    for before, after in _variants(by_seed):
        one, other = by_seed[after], by_seed[before]
        if one is not None and other is not None:
            held = (one - other).dropna("actor")["actor"]
            yield _paired([side.sel(actor=held).mean("actor").to_series() for side in (one, other)],
                          **_overlap_key(after, data, maps), contrast=TUNED)


def _overlap_key(source: str, data: StudyData, maps: Maps) -> dict[str, object]:
    return {"statistic": "seed_overlap", "metric": "pearson", "form": "smoothed", "source": source,
            "sigma": maps.sigma * data.get("seed_maps", {})[source].sizes["x"], "against": "human"}


def _overlap(data: StudyData, found: xr.DataArray, maps: Maps) -> xr.DataArray | None:
    """Overlap of people's smoothed maps with each seed's: mean over images (seed, actor)."""
    if data.human is None:
        return None
    coverage = data.human["coverage"]
    held = set(found["image"].to_numpy().tolist())
    common = [image for image in coverage["image"].to_numpy().tolist() if image in held]
    if not common:
        return None
    sigma = maps.sigma * found.sizes["x"]
    people = smooth(coverage.sel(image=common).load(), sigma=sigma)
    each = [actor_means(pearson(people, smooth(found.isel(seed=at, drop=True).sel(image=common).load(), sigma=sigma)))
            for at in range(found.sizes["seed"])]
    together: xr.DataArray = xr.concat([one["value"] for one in each], "seed")
    return together.assign_coords(seed=found["seed"].to_numpy())


def _common_ceiling(found: xr.Dataset | None, people: Mapping[str, float]) -> float:
    """Mean over actors of people's ceiling times the seeds': no map of one training can be expected above it."""
    if found is None:
        return float("nan")
    own = found["actor_value"].sel(quantity="ceiling", drop=True)
    both = [value * people.get(actor, float("nan"))
            for actor, value in zip(own["actor"].to_numpy().tolist(), own.to_numpy().tolist(), strict=True)]
    defined = [value for value in both if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def _accuracies(table: pd.DataFrame | None) -> Iterator[Row]:
    """Give the mean accuracy over seeds, and finetuned less frozen, paired over seeds."""
    for (classifier, split), part in _several(table, ["classifier", "split"]):
        of = part.pivot_table(index="seed", columns="variant", values="accuracy", sort=False)
        for variant in part["variant"].unique():
            key = {"statistic": "seed_accuracy", "metric": split, "source": f"{classifier}/{variant}"}
            yield _over_seeds(of[variant], **key) if variant in of else {
                **key, "level": "population", "value": float("nan"), "n": 0, "reason": f"no {split} image"}
        if {"frozen", "finetuned"} <= set(of):
            yield _paired([of["finetuned"], of["frozen"]], statistic="seed_accuracy", metric=split,
                          source=f"{classifier}/finetuned", contrast=TUNED)


def _several(table: pd.DataFrame | None, by: list[str]) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """Give the groups of a table that hold more than one seed."""
    if table is not None and len(table):
        for key, part in table.groupby(by, sort=False):
            if len(part["seed"].unique()) > 1:
                yield tuple(map(str, key)), part


def _near_zero(weights: pd.DataFrame | None) -> Iterator[Row]:
    """Give the share of weights near zero: of convolutions and of linear layers, and between classifiers."""
    if weights is None or weights.empty:
        return
    shares = {kind: _pooled(part) for kind, part in weights.groupby(
        np.where(weights["kind"].str.startswith("Conv"), "convolutions", "linear layers"))}
    for kind, of_kind in shares.items():
        for column, form in _SHARES.items():
            table = of_kind.pivot_table(index=["classifier", "variant"], columns="seed", values=column, sort=False)
            for classifier, variant in table.index:
                yield _over_seeds(table.loc[classifier, variant].dropna(), statistic="near_zero_share", metric=kind,
                                  form=form, source=f"{classifier}/{variant}")
            yield from _between(table, metric=kind, form=form)


def _between(table: pd.DataFrame, **key: object) -> Iterator[Row]:
    """Compare variants of one classifier, and one variant of two classifiers, paired over the seeds they share."""
    for (name, variant), (other, of_other) in combinations(table.index, 2):
        if (name == other) == (variant == of_other):
            continue
        # Of two variants the finetuned comes second; of two classifiers the first is compared with the second.
        pair = [(other, of_other), (name, variant)] if name == other else [(name, variant), (other, of_other)]
        one, less = (table.loc[of] for of in pair)
        yield _paired([one, less], **key, statistic="near_zero_share", source="/".join(pair[0]),
                      against="/".join(pair[1]), contrast=f"minus {'/'.join(pair[1])}")


def _pooled(weights: pd.DataFrame) -> pd.DataFrame:
    """Shares of all weights together, by classifier, variant and seed."""
    counted = weights[list(_SHARES)].mul(weights["n_weights"], axis=0).assign(n_weights=weights["n_weights"])
    total = counted.groupby([weights[name] for name in ("classifier", "variant", "seed")], sort=False).sum()
    return total[list(_SHARES)].div(total["n_weights"], axis=0)


def _paired(pair: Sequence[pd.Series], **key: object) -> Row:
    """Make the row of a mean difference over the seeds that both have, with the two means."""
    both = pd.concat(list(pair), axis=1, keys=["one", "other"]).dropna()
    means = {f"value_{name}": float(both[name].mean()) if len(both) else float("nan") for name in both}
    return {**_over_seeds(both["one"] - both["other"], **key), **means}


def _over_seeds(values: pd.Series | xr.DataArray, **key: object) -> Row:
    """Make the row of a mean over seeds with its t interval."""
    data = np.asarray(values, float)
    found, n = t_interval(data, resampled="seeds", fewest=FEWEST_SEEDS), int((~np.isnan(data)).sum())
    same = n > 1 and float(np.nanmax(data)) == float(np.nanmin(data))
    low, high = (float("nan"), float("nan")) if same else (float(found.low), float(found.high))
    if not key.get("contrast") and key["statistic"] in ("seed_accuracy", "near_zero_share"):
        low, high = (float(np.clip(end, 0, 1)) for end in (low, high))  # of a share
    return {**key, "level": "population", "value": float(np.nanmean(data)) if n else float("nan"), "ci_low": low,
            "ci_high": high, "ci_method": found.method, "resampled": "seeds", "n": n, "n_undefined": data.size - n,
            "reason": "all seeds give the same value" if same else str(found.reason.item()) or None}


def estimates(analysis: Analysis) -> Iterator[tuple[list[Row], list[Draws]]]:
    """Estimate what varies over training seeds, against people's noise ceiling of each actor."""
    ceilings = {str(row["actor"]): float(str(row["value"])) for row in analysis.rows
                if (row["statistic"], row.get("form"), row["level"]) == ("noise_ceiling", "smoothed", "actor")}
    made = seed_estimates(analysis.data, analysis.maps, analysis.statistics, analysis.seed, people=ceilings)
    yield list(guarded(made, statistic="seed_reliability")), []

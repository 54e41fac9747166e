"""Two studies side by side: which of their estimates are of the same quantity, and whether they differ."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from salcompare.config import METHODS, Config, flattened
from salcompare.errors import InputError, Problem
from salcompare.findings import findings
from salcompare.findings.headlines import headline_row, named_headlines
from salcompare.naming import Source, classifier_sources
from salcompare.printing import counted, joined
from salcompare.schema import ESTIMATES
from salcompare.statistics import adjust_p, independent_difference, population_mean
from salcompare.statistics.inference.resampling import FEWEST_ACTORS, LEVEL

IDENTITY = ("statistic", "metric", "form", "sigma_share", "frame", "level", "source", "against", "contrast", "label",
            "region")
"""Estimates that agree in all of these are of one quantity; sigma as a share of the grid's width."""
OF_EACH = ("value", "ci_low", "ci_high", "n")
COLUMNS = ("headline", *IDENTITY, *(f"{name}_{side}" for name in OF_EACH for side in ("one", "other")), "difference",
           "ci_low", "ci_high", "chance", "test", "n_pairs", "freedom", "p_value", "p_adjusted", "family",
           "family_size", "reason", "responses")
HEADLINES = "headlines (Holm)"
INDEPENDENT, PAIRED = "Welch t, independent actors", "paired t over actors of both"
_FREE_OF_NOISE = {"share_of_ceiling", "label_share", "label_difference", "variance_component", "box_agreement",
                  "label_agreement", "odd_share", "between_actor_share", "common_laterality"}
"""Statistics and metrics that do not move with the number of responses alone; all others of people's maps do."""
MOST_UNEQUAL = 1.1
"""Up to this ratio responses an image count as equally many."""
_SECTIONS = {"controls": "controls", "perturbation": "removal"}  # sections of study.toml that decide what a finding is
_SHOWN_ONLY = ("report.", "study.name", "study.seed", "maps.human_share", "images.path", "responses.path", "collect.")


@dataclass(frozen=True)
class OneStudy:
    """What is compared of a study."""

    title: str
    config: Config
    images: pd.DataFrame  # those that its estimates rest on
    responses: pd.DataFrame | None  # with image and worker, as far as known; None where there is no people's side
    estimates: pd.DataFrame
    people: str  # what people's side is made of: boxes, fixations, maps or none
    main: str | None  # its main source

    @property
    def actors(self) -> frozenset[str]:
        """Who is shown."""
        return frozenset(self.images["actor"])

    @property
    def workers(self) -> frozenset[str]:
        """Who responded; empty where that is not known."""
        if self.responses is None or "worker" not in self.responses or self.responses["worker"].isna().any():
            return frozenset()
        return frozenset(self.responses["worker"])

    @property
    def responses_an_image(self) -> float:
        """Median; NaN where responses name no image."""
        if self.responses is None or "image" not in self.responses:
            return float("nan")
        return float(self.responses["image"].value_counts().median())


@dataclass(frozen=True)
class Comparison:
    """Two studies compared."""

    one: OneStudy
    other: OneStudy
    table: pd.DataFrame  # `COLUMNS`, one row an estimate of the population that either study has
    settings: pd.DataFrame  # setting, one, other: those that differ
    notes: tuple[str, ...]  # what was taken for the same

    @property
    def reasons(self) -> dict[str, int]:
        """Why estimates are not tested, the commonest reason first, and of how many."""
        reasons = self.table["reason"].replace("", None)
        return {str(reason): int(count) for reason, count in reasons.value_counts().items()}


def compare_studies(one: OneStudy, other: OneStudy) -> Comparison:
    """Match the estimates of two studies and test their differences.

    Studies of different actors are compared by `independent_difference`; studies that share actors by the differences
    of these, where an estimate is the mean of its actors'. What is not comparable, or has no interval over actors, is
    listed with the reason. p-values of headlines are one family, those of each other statistic another.

    Raises `InputError` if the studies show one photograph under the names of two actors.
    """
    if one.title == other.title:  # which reasons and the page tell them apart by
        one, other = replace(one, title=f"{one.title} (one)"), replace(other, title=f"{other.title} (other)")
    _require_names(one, other)
    notes = [f"{counted(len(one.actors & other.actors), 'actor')} of one name in both studies are taken for the same."
             ] if one.actors & other.actors else []
    renamed = other
    sources = [classifier_sources(side.estimates["source"].unique()) for side in (one, other)]
    if one.main and other.main and not set(sources[0]) & set(sources[1]):
        renamed = _renamed(other, other.main, one.main)
        notes.append(f"No network is in both studies: {other.main} is compared with {one.main}.")
    table = _tested(_matched(one, renamed), one, renamed)
    return Comparison(one, other, _with_families(table, one, renamed), differing_settings(one, other), tuple(notes))


def differing_settings(one: OneStudy, other: OneStudy) -> pd.DataFrame:
    """List the settings that can change a result and differ: **setting**, **one**, **other**."""
    both = [flattened(asdict(side.config)) for side in (one, other)]
    names = [name for name in dict.fromkeys((*both[0], *both[1])) if not name.startswith(_SHOWN_ONLY)]
    return pd.DataFrame([{"setting": name, "one": _printed(both[0], name), "other": _printed(both[1], name)}
                         for name in names if both[0].get(name) != both[1].get(name)],
                        columns=["setting", "one", "other"], dtype="str")


def _printed(settings: Mapping[str, Any], name: str) -> str:
    return str(settings[name]) if name in settings else "not there"


def _require_names(one: OneStudy, other: OneStudy) -> None:
    """Refuse one photograph under two names, whose studies would be taken for independent."""
    known = dict(zip(other.images["sha256"], other.images["actor"], strict=True))
    wrong = [(actor, known[digest]) for digest, actor in zip(one.images["sha256"], one.images["actor"], strict=True)
             if known.get(digest, actor) != actor]
    if wrong:
        raise InputError([Problem(f"actor {a!r} of {one.title}", f"is {b!r} in {other.title}, by the same photograph",
                                  "one name for each actor", "rename one") for a, b in dict.fromkeys(wrong)])


def _renamed(study: OneStudy, old: str, new: str) -> OneStudy:
    """Call a study's main source by another's name, wherever its estimates name it."""
    names = {name: study.estimates[name].where(study.estimates[name].isna(), study.estimates[name].astype(
        object).str.replace(old, new, regex=False)) for name in ("source", "against", "contrast")}
    return replace(study, estimates=study.estimates.assign(**names), main=new)


def _keyed(study: OneStudy, level: str) -> pd.DataFrame:
    """Estimates of a level, with texts in all columns of `IDENTITY` but sigma."""
    table = study.estimates.reindex(columns=list(ESTIMATES.names))
    table = table[table["level"] == level]
    share = (table["sigma"].astype(float) / study.config.study.size[1]).round(6)
    texts = [name for name in IDENTITY if name != "sigma_share"]
    return table.assign(sigma_share=share.fillna(-1.0), **{name: table[name].fillna("").astype(str) for name in texts})


def _matched(one: OneStudy, other: OneStudy) -> pd.DataFrame:
    """Put what both studies have beside each other, those that only one has with the reason."""
    columns = [*IDENTITY, *OF_EACH, "ci_method", "resampled", "responses"]
    tables = [_keyed(side, "population")[columns] for side in (one, other)]
    table = tables[0].merge(tables[1], on=list(IDENTITY), how="outer", suffixes=("_one", "_other"), indicator=True)
    sides = {"left_only": (one, other), "right_only": (other, one)}
    bare = [{tuple(row) for row in part[[name for name in IDENTITY if name != "sigma_share"]].to_numpy()}
            for part in tables]
    reasons = []
    for row in table.to_dict("records"):
        if row["_merge"] == "both":
            reasons.append(_incomparable(row, one, other))
            continue
        has, lacks = sides[row["_merge"]]
        key = tuple(row[name] for name in IDENTITY if name != "sigma_share")
        reasons.append(f"only in {has.title}: {lacks.title} {_why(row, lacks, smoothed=key in bare[lacks is other])}")
    responses = table["responses_one"].fillna(table["responses_other"])
    return table.assign(reason=reasons, responses=responses)


def _why(row: Mapping[Hashable, Any], lacks: OneStudy, *, smoothed: bool) -> str:
    if smoothed:
        return "has it at another sigma"
    if row["source"] and row["source"] not in set(lacks.estimates["source"]):
        return f"has nothing of {row['source']}"
    return "has no people's side" if lacks.people == "none" and row["responses_one"] == row["responses_one"] else (
        "has no such estimate")


def _incomparable(row: Mapping[Hashable, Any], one: OneStudy, other: OneStudy) -> str:
    """Say which settings make two estimates those of different quantities; empty where none does."""
    rests_on_people = isinstance(row["responses_one"], str)
    maps = [side.config.maps for side in (one, other)]
    undefined = [side.title for side, of in ((one, "one"), (other, "other")) if np.isnan(row[f"value_{of}"])]
    if undefined:
        return f"undefined in {joined(undefined)}"
    if rests_on_people and one.people != other.people:
        return f"people's side is {one.people} in one study, {other.people} in the other"
    counts = [side.responses_an_image for side in (one, other)]
    if (rests_on_people and not {row["statistic"], row["metric"]} & _FREE_OF_NOISE
            and max(counts) > MOST_UNEQUAL * min(counts)):
        return f"{counts[0]:g} responses an image against {counts[1]:g}: their noise alone moves it"
    if row["statistic"] == "symmetry" and row["metric"] == "index":
        return "the symmetry index follows the noise; compare the share of asymmetric energy"
    if "mask" in row["form"] + row["contrast"] + row["statistic"] and maps[0].mask_share != maps[1].mask_share:
        return f"masks of {maps[0].mask_share:g} of the pixels against {maps[1].mask_share:g}"
    on_grid = row["sigma_share"] == 0 or (row["sigma_share"] < 0 and (row["form"] or "symmetry" in row["statistic"]))
    if on_grid and one.config.study.size != other.config.study.size:
        return "maps without smoothing, on grids of different sizes"
    source = Source.parse(row["source"])
    if source is not None:
        chosen = [side.config.attribution.choices(source.method) for side in (one, other) if source.method in METHODS]
        if len(chosen) == 2 and chosen[0] != chosen[1]:
            changed = [name for name in chosen[0] if chosen[0][name] != chosen[1].get(name)]
            return f"[attribution] {', '.join(changed)} differs"
    section = next((_SECTIONS[finding.name] for finding in findings() if finding.name in _SECTIONS
                    if any(quantity.statistic == row["statistic"] for quantity in finding.quantities)), "")
    if section and getattr(one.config, section) != getattr(other.config, section):
        return f"[{section}] differs"
    return ""


def _tested(table: pd.DataFrame, one: OneStudy, other: OneStudy) -> pd.DataFrame:
    """Test what is comparable, and say of what is not why."""
    shared = bool(one.actors & other.actors)
    actors = [_of_actors(side) for side in (one, other)] if shared else []
    records: list[dict[Any, Any]] = table.to_dict("records")
    rows = [row if row["reason"] else {**row, "difference": row["value_one"] - row["value_other"], **(
        _paired(row, *actors) if shared else _known(row, one, other))} for row in records]
    tested = pd.DataFrame(rows).reindex(columns=[*COLUMNS, "freedom_one", "freedom_other"])
    places = np.flatnonzero(tested["test"] == INDEPENDENT)
    if places.size:
        sides = [xr.Dataset({name: ("row", tested[f"{name}_{side}"].to_numpy(float)[places]) for name in (
            "value", "ci_low", "ci_high", "freedom")}) for side in ("one", "other")]
        result = independent_difference(*sides)
        for name in ("ci_low", "ci_high", "p_value", "freedom"):
            tested.loc[places, name] = result[name].to_numpy()
    return tested.assign(chance=(tested["ci_high"] - tested["ci_low"]) / 2)


def _known(row: Mapping[Hashable, Any], one: OneStudy, other: OneStudy) -> dict[str, Any]:
    """Give the degrees of freedom of two estimates whose intervals are t intervals over actors, or why one's is not."""
    known: dict[str, Any] = {"test": INDEPENDENT}
    for side, study in (("one", one), ("other", other)):
        value, low, high, n = (float(row[f"{name}_{side}"]) for name in OF_EACH)
        over = str(row[f"resampled_{side}"])
        if np.isnan(value + low + high):
            return {"reason": f"{study.title} has no interval of it"}
        if "actors" not in over or "within" in over or abs(low + high - 2 * value) > 1e-6 * (high - low):
            return {"reason": f"no t interval over actors, but {row[f'ci_method_{side}']} over {over}"}
        known[f"freedom_{side}"] = (min(n, len(study.actors)) if over == "actors" else len(study.actors)) - 1
    if all(row[f"ci_low_{side}"] == row[f"ci_high_{side}"] for side in ("one", "other")):
        return {"reason": "the same on every actor of each study"}
    return known


def _of_actors(study: OneStudy) -> dict[tuple[object, ...], dict[str, float]]:
    """Give the values of single actors by what they are of."""
    values: dict[tuple[object, ...], dict[str, float]] = {}
    for row in _keyed(study, "actor").to_dict("records"):
        values.setdefault(_key(row), {})[str(row["actor"])] = float(row["value"])
    return values


def _key(row: Mapping[Hashable, Any]) -> tuple[object, ...]:
    share = row["sigma_share"]
    return (*(row[name] for name in IDENTITY if name not in ("sigma_share", "level")), share if share >= 0 else -1.0)


def _paired(row: Mapping[Hashable, Any], one: Mapping[tuple[object, ...], Mapping[str, float]],
            other: Mapping[tuple[object, ...], Mapping[str, float]]) -> dict[str, Any]:
    """Test the mean over the actors of both studies of an estimate that is the mean of its actors'."""
    sides = [of.get(_key(row), {}) for of in (one, other)]
    for values, name in zip(sides, ("one", "other"), strict=True):
        defined = [value for value in values.values() if value == value]
        if not defined or not np.isclose(np.mean(defined), row[f"value_{name}"], rtol=1e-6, atol=1e-9):
            return {"reason": "the studies share actors, and the estimate is no mean of single actors'"}
    shared = sorted(sides[0].keys() & sides[1].keys())
    differences = np.array([sides[0][actor] - sides[1][actor] for actor in shared])
    n = int((~np.isnan(differences)).sum())
    if n < FEWEST_ACTORS:
        return {"reason": f"{counted(n, 'actor')} with it in both studies; a test needs {FEWEST_ACTORS}"}
    if any(np.isnan(row[f"ci_low_{side}"]) or "workers" in str(row[f"resampled_{side}"]) for side in ("one", "other")):
        return {"reason": "the studies share actors, and it has no interval over actors alone"}
    mean = population_mean(xr.DataArray(differences, dims="actor"))
    value, low, high = (float(mean[name]) for name in ("value", "ci_low", "ci_high"))
    if high == low:
        return {"reason": "the same on every actor of both"}
    t = 2 * abs(value) / (high - low) * stats.t.ppf((1 + LEVEL) / 2, n - 1)
    return {"test": PAIRED, "n_pairs": n, "freedom": n - 1, "difference": value, "ci_low": low, "ci_high": high,
            "p_value": 2 * float(stats.t.sf(t, n - 1))}


def _with_families(table: pd.DataFrame, one: OneStudy, other: OneStudy) -> pd.DataFrame:
    """Name the headlines, and adjust p over them and over what is left of each statistic."""
    titles: dict[int, str] = {}
    plain = table.assign(**{name: table[name].replace("", None) for name in IDENTITY})
    for title, key in named_headlines(one.estimates, other.estimates, one.main):
        if headline_row(plain, key) is not None:
            fits = np.logical_and.reduce([(plain[name] == value).to_numpy() for name, value in key.items()])
            titles.setdefault(int(np.flatnonzero(fits)[0]), title)
    table["sigma_share"] = table["sigma_share"].where(table["sigma_share"] >= 0)
    table = table.assign(headline=pd.Series(titles, dtype="str").reindex(range(len(table))).to_numpy())
    family = (table["statistic"] + " (Holm)").where(table["headline"].isna(), HEADLINES).where(table["p_value"].notna())
    for _, rows in table.groupby(family):
        adjusted = adjust_p(xr.DataArray(rows["p_value"].to_numpy(), dims="test"), "test").to_numpy()
        table.loc[rows.index, ["p_adjusted", "family_size"]] = np.stack([adjusted, np.full(len(rows), len(rows))], 1)
    order = [*titles, *(row for row in range(len(table)) if row not in titles)]  # headlines as the report has them
    return table.assign(family=family).loc[order, list(COLUMNS)].reset_index(drop=True)

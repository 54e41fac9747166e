"""What the report says of the variance of maps that actors explain."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from salcompare.findings import variance as declared
from salcompare.naming import HUMAN, PHOTOGRAPHS
from salcompare.printing import estimate, p_text, percent
from salcompare.report.content import Section, classifier_rows, compact_table
from salcompare.report.tables import PrintedTable, named, one, pick, table_of, wide_table
from salcompare.study_data import StudyData

_PUBLISHED = ("The original study reports 92% and no definition of it: none of these numbers is known to be its "
              "counterpart.")


def summary(data: StudyData) -> list[str]:
    """Answer against chance, and beside the photographs themselves."""
    said = []
    rows = pick(data.estimates, **declared.R2.name)
    why = rows.loc[rows["value"].isna(), "reason"].unique()
    if len(rows) and rows["value"].isna().all() and len(why) == 1:
        return [f"R² of who is shown is not defined: {why[0]}."]
    for _, row in rows[rows["source"].isin([HUMAN, data.main, PHOTOGRAPHS])].iterrows():
        if math.isnan(row["value"]):
            said.append(f"{named(row)}: R² is not defined ({row['reason']}).")
            continue
        share = one(data.estimates, source=str(row["source"]), form=str(row["form"]), **declared.SHARE.name)
        beside = "" if share is None or math.isnan(share["value"]) else f"; bias-corrected, {estimate(share)}"
        tested = f"not tested, as {row['reason']}" if math.isnan(row["p_value"]) else (
            f"by chance {percent(row['null_mean'])} ({p_text(row)}{beside})")
        said.append(f"{named(row)}: who is shown explains {percent(row['value'])} of the variance, {tested}.")
    if rows["value"].notna().any() and PHOTOGRAPHS in set(rows["source"]):
        said.append("The photographs are the control: images of one actor are alike before any classifier or worker "
                    "looks at them, so a map's R² means something only beside theirs.")
    return said


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of variance explained."""
    rows = pick(data.estimates, statistic=declared.VARIANCE)
    said = list(dict.fromkeys(rows.loc[rows["metric"] == declared.R2.metric, "null"].dropna()))
    null = f"Null: {'; '.join(said)}." if said else ""
    r2, share = declared.R2.metric, declared.SHARE.metric
    yield wide_table(
        "variance_explained", "Variance of maps explained by actor",
        "n counts images. p_value is F2's, which allows for actors that differ in spread and in numbers of images; why "
        f"there is none, if so, is said with every variant. {null} p_value_free permutes images as they are, and takes "
        "such actors for actors that differ. The interval is that of the bias-corrected between-actor share, by "
        f"jackknife over images; R² itself carries none. {_PUBLISHED}", rows, ["source", "form"], {
            r2: (r2, "value"), "null_mean": (r2, "null_mean"), "p_value": (r2, "p_value"),
            "p_value_free": (declared.FREE.metric, "p_value"),
            share: (share, "value"), "ci_low": (share, "ci_low"), "ci_high": (share, "ci_high"),
            **{other.metric: (other.metric, "value") for other in (
                declared.ADJUSTED, declared.OMEGA, declared.PIXELS, declared.UNCENTRED)}, "n": (r2, "n")})
    yield _beside(data.estimates)
    yield table_of("variance_components", "What the variance is made of",
        "Shares of the variance of single maps, for people of single responses, with 95% jackknife intervals over "
        "what is named. One map an image: its image share holds the residual. n counts images, for people responses.",
        pick(data.estimates, statistic=declared.COMPONENT),
        ["source", "form", "metric", "value", "ci_low", "ci_high", "resampled", "n"])
    yield table_of("variance_explained_all", "Variance of maps explained by actor, every variant",
        f"n counts images: the test images, for people those that have responses. {null} between_actor_share is "
        f"bias-corrected, with a jackknife interval over images. R² itself carries no interval. {_PUBLISHED}", rows,
        ["source", "form", "metric", "contrast", "value", "ci_low", "ci_high", "null", "null_mean", "p_value", "n",
         "reason"], folded=True)


def _beside(estimates: pd.DataFrame) -> PrintedTable:
    """Show what R² is read with: the spread within actors, other distances, groups."""
    kinds = (*declared.OF_DISTANCES, declared.GROUPS)
    rows = estimates[(estimates["statistic"] == declared.DISPERSION) | (
        (estimates["statistic"] == declared.VARIANCE) & estimates["metric"].isin([kind.metric for kind in kinds]))]
    return table_of("variance_beside", "Beside R²: spread, other distances, groups",
        "f_pairs: do the images of some actors vary more than those of others? r2_bray_curtis and "
        "r2_jensen_shannon: R² of other distances, untested. r2_group: R² of the actors' groups, actors "
        "permuted whole.", rows,
        ["source", "form", "metric", "contrast", "value", "null_mean", "p_value", "p_attainable", "n"])


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say how variance explained was computed and tested."""
    n = data.settings["statistics"]["n_permutations"]
    moved = "shoots' means, whose images are alike whoever is shown" if _has(data, "shoot") else "images"
    return [("Variance explained", (
            "R² is the between-actor sum of squares over the total, pooled over pixels (Anderson 2001). Its p is F2's, "
            "the between-actor sum of squares over what actors' own spreads lead to expect of it (Anderson et al. "
            f"2017): {moved}, divided by their actor's spread, are permuted among actors {n:,} times and multiplied by "
            "the spread of the actor they come to. Actors of one or two have no part; where maps "
            "of an actor vary along fewer modes than the others' (tr(S²)/tr(S)² of their covariance beyond 1% of "
            "permutations) there is no test, as spread is one number. p = (1 + permutations at "
            "least as large) / (1 + permutations) (Phipson & Smyth 2010). By chance: R² of images permuted as they "
            "are. Where workers are confounded with actors, people's maps are not tested. Adjusted R², omega² and the "
            "bias-corrected between-actor share stand beside it, because R² alone grows with the number of actors. The "
            "original study reports 0.92 without a definition (Sun et al. 2020); no number here should be held against "
            "it. " + _beside_r2(data)))]


def _has(data: StudyData, column: str) -> bool:
    """Whether the catalogue has the shoots, or the groups, of any images."""
    return column in data.images and bool(data.images[column].notna().any())


def _beside_r2(data: StudyData) -> str:
    replicates = "shoots' means" if _has(data, "shoot") else "images"
    groups = " Groups of actors are compared by permuting whole actors." if _has(data, "group") else ""
    what = "boxes" if data.people == "boxes" else "responses"
    boxes = (f" People's {what} are split over actors, images, workers and the rest, from inner products of pairs of "
             "them: the components are differences of mean squared distances, unbiased however many boxes an image "
             "has, and on balanced data those of an analysis of variance." if data.workers_known else "")
    return ("Other distances than Euclidean (Bray-Curtis; the root of the Jensen-Shannon divergence of maps of unit "
            "sum) give R² by the Gower-centred matrix, untested, as spread moves the centres; photographs are "
            "averaged over channels for them. "
            f"Spread: distances within disjoint pairs of an actor's {replicates}, paired at random, are compared by a "
            f"one-way F and permuted among actors; distances to a centre depend on each other.{groups} Variance "
            f"components of maps follow from mean squares between and within actors.{boxes}")


def section(data: StudyData, name: str) -> Section:
    """Give a classifier's R² on its page."""
    rows = classifier_rows(data.estimates, name, declared.VARIANCE)
    return Section("variance", "Are maps of one actor alike?", tables=(compact_table(
        f"classifier_{name}_variance", "R² of who is shown, and the between-actor share",
        "R² has no interval of its own; p is F2's, of images scaled to their actor's spread. Other forms: the report.",
        rows[rows["metric"].isin([declared.R2.metric, declared.SHARE.metric])], of=name),))

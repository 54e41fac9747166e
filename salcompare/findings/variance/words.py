"""What the report says of the variance of maps that actors explain."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from salcompare.findings.variance import R2, SHARE, VARIANCE
from salcompare.printing import ALPHA, estimate, p_text, percent
from salcompare.report.content import Section, classifier_rows, compact_table
from salcompare.report.tables import PrintedTable, named, one, pick, table_of, why_undefined, with_p_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from salcompare.study_data import StudyData


def summary(data: StudyData) -> list[str]:
    """Answer against chance, and beside the photographs themselves."""
    said = []
    rows = pick(data.estimates, statistic="variance_explained", metric="r2")
    main = data.main
    why = rows.loc[rows["value"].isna(), "reason"].unique()
    if len(rows) and rows["value"].isna().all() and len(why) == 1:
        return [f"R² of who is shown is not defined: {why[0]}."]
    for _, row in rows[rows["source"].isin(["human", main, "photographs"])].iterrows():
        if math.isnan(row["value"]):
            said.append(f"{named(row)}: R² is not defined ({row['reason']}).")
            continue
        share = one(data.estimates, statistic="variance_explained", metric="between_actor_share",
                    source=str(row["source"]), form=str(row["form"]))
        beside = "" if share is None or math.isnan(share["value"]) else f"; bias-corrected, {estimate(share)}"
        said.append(f"{named(row)}: who is shown explains {percent(row['value'])} of the variance, by chance "
                    f"{percent(row['null_mean'])} ({p_text(row)}{beside}).")
        said += [*_beyond_photographs(data, row), *_uneven(data, row)]
    if rows["value"].notna().any() and "photographs" in set(rows["source"]):
        said.append("The photographs are the control: images of one actor are alike before any classifier or worker "
                    "looks at them, so a map's R² means something only beside theirs.")
    return said


def _beyond_photographs(data: StudyData, row: pd.Series[Any]) -> list[str]:
    """Say what actors explain once the photographs have explained what they can."""
    partial = one(data.estimates, statistic="variance_explained", metric="r2_partial", source=str(row["source"]),
                  form=str(row["form"]))
    if partial is None or math.isnan(partial["value"]):
        return []
    found = (f"who is shown explains {percent(partial['value'])} of what is left, by chance "
             f"{percent(partial['null_mean'])} ({p_text(partial)})")
    less = "" if partial["p_value"] <= ALPHA else ": no evidence that maps of one actor are alike beyond that"
    return [f"{named(row)}, {partial['contrast']}: {found}{less}."]


def _uneven(data: StudyData, row: pd.Series[Any]) -> list[str]:
    """Warn where actors differ in the spread of their maps, which the test of R² can react to."""
    spread = one(data.estimates, statistic="dispersion", metric="f_median", source=str(row["source"]),
                 form=str(row["form"]))
    if spread is None or not spread["p_value"] <= ALPHA:
        return []
    return [f"{named(row)}: actors differ in how much their maps spread ({p_text(spread)}), to which the "
            "test of R² can react, too."]


_BESIDE = ("r2_bray_curtis", "r2_jensen_shannon", "r2_partial", "r2_partial_adjusted", "r2_photographs", "r2_group")


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of variance explained."""
    estimates = data.estimates
    rows = estimates[estimates["statistic"] == "variance_explained"]
    yield _variance(rows)
    yield _beside(estimates)
    yield _components(estimates)
    yield table_of("variance_explained_all", "Variance of maps explained by actor, every variant",
        f"n counts images: the test images, for people those that have responses. {_null(rows)} between_actor_share is "
        "bias-corrected, with a jackknife interval over images. R² itself carries no interval. The original study "
        "reports 92% and no definition of it: none of these numbers is known to be its counterpart.", rows,
        ["source", "form", "metric", "contrast", "value", "ci_low", "ci_high", "null", "null_mean", "p_value", "n",
         "reason"], folded=True)


def _null(rows: pd.DataFrame) -> str:
    """Say what the null of R² permutes."""
    said = list(dict.fromkeys(rows.loc[rows["metric"] == "r2", "null"].dropna()))
    return f"Null: {'; '.join(said)}." if said else ""


def _beside(estimates: pd.DataFrame) -> PrintedTable:
    """Show what R² is read with: the spread within actors, other distances, the photographs' part, groups."""
    rows = estimates[(estimates["statistic"] == "dispersion") | ((estimates["statistic"] == "variance_explained")
                                                                 & estimates["metric"].isin(_BESIDE))]
    return table_of("variance_beside", "Beside R²: spread, other distances, the photographs' part",
        "f_median: do the images of some actors vary more than those of others (PERMDISP)? Where p is small, unequal "
        "spread may be part of what R²'s test found. r2_bray_curtis and r2_jensen_shannon: R² of other distances. "
        "r2_partial: R² of what is left of the maps once the photographs' leading components are taken out, linearly; "
        "what maps take from the rest of a photograph still counts as the actor's. r2_photographs: the components' own "
        "share. r2_group: R² of the actors' groups, whole actors permuted.", rows,
        ["source", "form", "metric", "contrast", "value", "null_mean", "p_value", "p_attainable", "n"])


def _components(estimates: pd.DataFrame) -> PrintedTable:
    """Shares of the variance by source of variation."""
    return table_of("variance_components", "What the variance is made of",
        "Shares of the variance of single maps, for people of single responses, with 95% jackknife intervals over "
        "what is named. One map an image: its image share holds the residual. n counts images, for people responses.",
        estimates[estimates["statistic"] == "variance_component"],
        ["source", "form", "metric", "value", "ci_low", "ci_high", "resampled", "n"])


def _variance(rows: pd.DataFrame) -> PrintedTable:
    """One row for each source and form: R² beside its null, its corrected relatives and the variants."""
    table = _wide(rows)
    return PrintedTable(
        "variance_explained", "Variance of maps explained by actor",
        f"n counts images. {_null(rows)} The interval is that of the "
        "bias-corrected between-actor share, by jackknife over images; R² itself carries none. The original study "
        "reports 92% and no definition of it: none of these numbers is known to be its counterpart.", table,
        bool((table["responses"] == "simulated").any()), printed=_wide(with_p_texts(rows)).drop(columns="responses"),
        undefined=why_undefined(rows))


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    """Put what belongs to one source and form into one row."""
    key = ["source", "form"]
    table = rows[rows["metric"] == "r2"][[*key, "value", "null_mean", "p_value", "n", "responses"]]
    table = table.rename(columns={"value": "r2"})
    for metric in ("r2_adjusted", "omega2", "r2_pixel_mean", "r2_uncentred"):
        beside = rows[rows["metric"] == metric][[*key, "value"]]
        table = table.merge(beside.rename(columns={"value": metric}), how="left")
    share = rows[rows["metric"] == "between_actor_share"][[*key, "value", "ci_low", "ci_high"]]
    table = table.merge(share.rename(columns={"value": "between_actor_share"}), how="left")
    order = [*key, "r2", "null_mean", "p_value", "between_actor_share", "ci_low", "ci_high", "r2_adjusted", "omega2",
             "r2_pixel_mean", "r2_uncentred", "n", "responses"]
    return table[order]


def _paragraph(data: StudyData) -> str:
    """Say how variance explained was computed and tested."""
    n = data.settings["statistics"]["n_permutations"]
    shoots = "shoot" in data.images and data.images["shoot"].notna().any()
    moved = "whole shoots, whose images are alike whoever is shown, among actors" if shoots else (
        "images freely among actors")
    return ("R² is the between-actor sum of squares over the total, pooled over pixels (Anderson 2001). Its null "
            f"permutes {moved}, {n:,} times; p = (1 + permutations at least as large) / (1 + "
            "permutations) (Phipson & Smyth 2010). Adjusted R², omega² and the bias-corrected between-actor share "
            "stand beside it, because R² alone grows with the number of actors. The original study reports 0.92 "
            "without a definition (Sun et al. 2020); no number here should be held against it. " + _beside_r2(data, n))


def _beside_r2(data: StudyData, n: int) -> str:
    replicates = "shoots' means" if "shoot" in data.images and data.images["shoot"].notna().any() else "images"
    groups = (" Groups of actors are compared by permuting whole actors." if "group" in data.images
              and data.images["group"].notna().any() else "")
    what = "boxes" if data.people == "boxes" else "responses"
    boxes = (f" People's {what} are split over actors, images, workers and the rest, from inner products of pairs of "
             "them: the components are differences of mean squared distances, unbiased however many boxes an image "
             "has, and on balanced data those of an analysis of variance." if data.workers_known else "")
    return ("Other distances than Euclidean (Bray-Curtis; the root of the Jensen-Shannon divergence of maps of unit "
            "sum) go the same way through the Gower-centred matrix; photographs are averaged over channels for them. "
            f"Spread: distances of {replicates} to their actor's spatial median are compared by a one-way F (Anderson "
            "2006); deviations from the actors' centroids are permuted and medians computed anew, because distances "
            f"to one centre depend on each other ({min(n, 999):,} permutations). Partial R² takes the photographs' "
            "leading principal components out first, as many as carry 90% of the photographs' variance but no more "
            "than half the degrees of freedom that the actors leave; residuals given the components are permuted "
            f"(Freedman & Lane 1983).{groups} Variance components of maps follow from mean squares between and within "
            f"actors.{boxes}")


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say how variance explained was computed and tested."""
    return [("Variance explained", _paragraph(data))]


def section(data: StudyData, name: str) -> Section:
    """Give a classifier's R² on its page."""
    rows = classifier_rows(data.estimates, name, VARIANCE)
    return Section("variance", "Are maps of one actor alike?", tables=(compact_table(
        f"classifier_{name}_variance", "R² of who is shown, and the between-actor share",
        "R² has no interval of its own; the null permutes images among actors. Other forms of R² are in the report.",
        rows[rows["metric"].isin([R2.metric, SHARE.metric])], of=name),))

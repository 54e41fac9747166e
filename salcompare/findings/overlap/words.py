"""What the report says of how far people and classifiers agree."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from salcompare.findings import ceilings
from salcompare.findings import overlap as terms
from salcompare.findings.beside import COLUMNS, beside, claimed, with_controls
from salcompare.findings.controls import RANDOMISED
from salcompare.naming import PRIMARY, SMOOTHED, Source, classifier_of, classifier_sources
from salcompare.printing import contrast, estimate, interval, joined, number, percent
from salcompare.report.content import Section, classifier_rows, compact_table
from salcompare.report.tables import PrintedTable, one, pick, table_of
from salcompare.statistics.inference.resampling import FEWEST_ACTORS
from salcompare.statistics.kernels import CENTRE_SIGMA
from salcompare.statistics.metrics.ranking import POSITIVE_SHARE
from salcompare.statistics.metrics.registry import EVERY_METRIC
from salcompare.statistics.overlaps.actor_similarity import N_SPLITS
from salcompare.study_data import StudyData

_SHOWN = {"statistic": terms.OVERLAP, "metric": PRIMARY, "form": SMOOTHED}
"""The rows that the summary speaks of."""
_CLAIMS = {
    terms.IMAGE_EFFECT: "a human map agrees with the classifier's map of the same image more than with its maps of "
                  "the actor's other images",
    terms.ACTOR_EFFECT: "human maps agree with the classifier's maps of other images of the same actor more than with "
                  "those of other actors",
    terms.minus(terms.CENTRE): "the classifier agrees with people {} than a centred blob does",
    terms.minus(terms.OTHERS): "the classifier agrees with people {} than the mean human map of the other actors does",
}
_NULLS = {terms.CENTRE: "a centred blob reaches", RANDOMISED: "random-weight networks, on their images,"}


def summary(data: StudyData) -> list[str]:
    """Answer against chance and every baseline."""
    source = data.main
    same = None if source is None else one(data.estimates, **_SHOWN, level="population", source=source,
                                           contrast=terms.SAME_IMAGE)
    if same is None or source is None:
        return []
    ceiling = "" if math.isnan(same["ceiling"]) else f"; the ceiling is {number(same['ceiling'], 2)}"
    said = [f"On the same image, the smoothed maps of people and {source} correlate by {estimate(same)}{ceiling}; "
            f"{beside(data.estimates, same).said}.", *_of_ceiling(data, source)]
    for name, claim in _CLAIMS.items():
        row = one(data.estimates, **_SHOWN, level="population", source=source, contrast=name)
        if row is not None:
            said.append(contrast(row, claim.format(_way(row))) if "{}" in claim else
                        claimed(data.estimates, row, claim))
    return [*said, *_others(data, source), *_other_classifiers(data, source)]


def _way(row: pd.Series[Any]) -> str:
    return "less" if row["value"] < 0 else "more"


def _other_classifiers(data: StudyData, source: str) -> list[str]:
    """Give the overlap of the other classifiers' main sources."""
    same = pick(data.estimates, **_SHOWN, level="population", contrast=terms.SAME_IMAGE)
    same = same[same["value"].notna()].assign(name=same["source"].map(classifier_of))
    same = same[same["name"].isin(data.classifier_names) & (same["name"] != classifier_of(source))]
    last = same.drop_duplicates("name", keep="last")
    said = [f"{row['source']} {estimate(row)}, {beside(data.estimates, row).said}" for _, row in last.iterrows()]
    return [f"The other classifier{'s' if len(said) > 1 else ''}, likewise: {joined(said)}."] if said else []


def _of_ceiling(data: StudyData, source: str) -> list[str]:
    """Say what share of the ceiling the classifier reaches, and what maps reach that know nothing."""
    shares = pick(data.estimates, **_SHOWN | {"statistic": ceilings.SHARE}, level="population", source=source)
    reached = one(shares, contrast=terms.SAME_IMAGE)
    if reached is None or math.isnan(reached["value"]):
        return []
    ends = "" if math.isnan(reached["ci_low"]) else f" ({interval(reached, percents=0)})"
    beside = [f"{_NULLS[name]} {percent(row['value_other'], 0)}" for name in ceilings.NULLS
              if (row := one(shares, contrast=terms.minus(name))) is not None and not math.isnan(row["value_other"])]
    said = f"Pooled over images, that is {percent(reached['value'], 0)}{ends} of the ceiling"
    return [f"{said}; {joined(beside)}." if beside else f"{said}."]


def _others(data: StudyData, source: str) -> list[str]:
    """Compare with the classifier's other variants, and ask which pairs of actors are similar on both sides."""
    said = []
    for _, row in pick(data.estimates, **_SHOWN, level="population", source=source).iterrows():
        other = str(row["contrast"]).removeprefix("minus ")
        if row["contrast"] == terms.minus(other) and Source.parse(other):
            said.append(contrast(row, f"{source} agrees with people {_way(row)} than {other} does"))
    pairs = one(data.estimates, statistic=terms.SIMILARITY, metric=terms.DISTANCE, level="population", source=source)
    return said if pairs is None else [*said, claimed(
        data.estimates, pairs, "people and the classifier find the same pairs of actors alike")]


_COMPARED = r"minus (?!baseline/)\S+/"  # a contrast with another classifier
_RESTRICTED = f", (?:{terms.SAME_GROUP}|{terms.CORRECT})"
_VALUES, _BESIDE = ["value", "ci_low", "ci_high"], [*COLUMNS.values()]


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of overlap."""
    overlap = pick(data.estimates, statistic=terms.OVERLAP)
    heatmaps, contrasts = overlap["form"].isin(terms.HEATMAPS), overlap["contrast"].fillna("")
    restricted, compared = (contrasts.str.contains(kind) for kind in (_RESTRICTED, _COMPARED))
    whole = overlap["level"] == "population"
    plain = with_controls(overlap[~(heatmaps | restricted | compared) & whole], data.estimates)
    whose = "human and classifier maps" if classifier_sources(plain["source"]) else "human maps with baselines"
    yield _primary_overlap(plain, whose)
    yield _classifiers(overlap[compared])
    yield _restrictions(with_controls(overlap[restricted & whole], data.estimates, less=_RESTRICTED))
    yield _heatmaps(with_controls(overlap[heatmaps & whole], data.estimates))
    yield table_of(
        "actor_similarity", "Do people and classifier find the same pairs of actors alike?",
        "Correlation, over pairs of actors, of people's and the classifier's unbiased distances from disjoint images. "
        "Noise draws it towards 0.",
        with_controls(pick(data.estimates, statistic=terms.SIMILARITY), data.estimates),
        ["source", "form", *_VALUES, *_BESIDE, "p_value", "p_attainable", "null_mean", "n", "reason"])
    yield _every_metric(plain, whose)
    yield _overlap_of_actors(with_controls(overlap[~heatmaps & ~whole], data.estimates, less=_RESTRICTED))
    yield table_of(
        "overlap_curve", "Overlap over the smoothing's sigma",
        "Mean over actors of Pearson's correlation on the same image; sigma in pixels of the grid.",
        pick(data.estimates, statistic=terms.CURVE), ["source", "sigma", *_VALUES, "n"], folded=True)
    yield table_of(
        "ties", "Ties in the areas that iou and dice compare, and maps too sparse to fill one",
        "Shares, mean over n images.", data.estimates[data.estimates["statistic"].isin([terms.TIED, terms.SHORT])],
        ["statistic", "source", "against", "value", "n"], folded=True)
    if len(overlap):
        yield _conventions()


def _is_primary(rows: pd.DataFrame, form: str = SMOOTHED) -> pd.Series[bool]:
    return (rows["metric"] == PRIMARY) & (rows["form"] == form)


def _primary_overlap(rows: pd.DataFrame, whose: str) -> PrintedTable:
    return table_of(
        "overlap_primary", f"Overlap of {whose}, mean over actors",
        "Pearson's correlation of smoothed maps, the primary metric. Intervals of the same image and of its difference "
        "from a centred blob are over workers and actors, of effects and other differences over actors; other means "
        "have none, as all actors share workers. p of the image and the actor effect is one-sided, towards better "
        "agreement: near 1, a map does worse than what it is compared with; p of a difference from the other actors' "
        "map is two-sided. edges, centre, random_networks: "
        "the same of the photographs' edges, a centred blob and networks with random weights (their mean, on the "
        "images that they explain).",
        rows[_is_primary(rows) & rows["value"].notna()],
        ["source", "contrast", *_VALUES, *_BESIDE, "p_value", "ceiling", "n"])


def _classifiers(rows: pd.DataFrame) -> PrintedTable:
    return table_of(
        "overlap_classifiers", "One classifier's overlap with people less another's, mean over actors",
        "The same human maps on both sides. Effects have an interval over actors and two-sided p: whole sets of both "
        "classifiers' maps are exchanged within actors. On the same image the primary metric has an interval over "
        "workers, whom all actors share, and actors; other means have none. One trained network is compared with "
        "another; other training seeds are not covered.", rows,
        ["source", "contrast", "metric", "form", *_VALUES, "ci_method", "p_value", "p_attainable", "n"], folded=True)


def _restrictions(rows: pd.DataFrame) -> PrintedTable:
    return table_of(
        "overlap_restricted", "Pairings within groups of actors, and of correctly classified images only",
        "The primary metric. Within groups, actors meet and are exchanged with actors of their own group only; there "
        "are no such rows where all actors are of one group, nor where every image is classified correctly.", rows,
        ["source", "contrast", "metric", "form", *_VALUES, *_BESIDE, "p_value", "p_attainable", "n", "n_undefined",
         "reason"], folded=True)


def _heatmaps(whole: pd.DataFrame) -> PrintedTable:
    """Print the primary metric of the population; the CSV has all."""
    return table_of(
        "overlap_heatmaps", "Overlap of heatmaps",
        "Each actor's (mean over actors), with the other actors' in their place, and the population's. Only "
        "differences between actors have intervals, as all actors share workers. "
        "Heatmaps of both sides are of the same photographs: \"same minus other actor\" "
        "says that they share those, or the actor. The primary metric; the CSV has all.", whole,
        ["source", "contrast", "metric", "form", *_VALUES, *_BESIDE, "ci_method", "p_value", "p_attainable", "n",
         "reason"], folded=True, shown=(whole["metric"] == PRIMARY) & whole["value"].notna())


def _every_metric(rows: pd.DataFrame, whose: str) -> PrintedTable:
    """Print the population's rows, each metric with the direction that is better."""
    return table_of(
        "overlap_population", f"Overlap of {whose}, mean over actors, every metric",
        "Intervals of effects and differences are over actors: t, and jackknife (ci_method) where actors meet other "
        "actors. The image effect permutes images within actors and the actor effect whole actors, both one-sided, "
        "towards better agreement; differences from the other actors' map flip actors' signs and are two-sided "
        "(alternative). The "
        "overlap of every image, for all sources and metrics, is in data/processed/overlap_images.csv.",
        rows.assign(better=[EVERY_METRIC[metric].better for metric in rows["metric"]]),
        ["source", "contrast", "metric", "better", "form", *_VALUES, *_BESIDE, "ci_method", "p_value", "alternative",
         "ceiling", "n"], folded=True)


def _overlap_of_actors(rows: pd.DataFrame) -> PrintedTable:
    """Print the primary metric only: all of them are thousands of rows."""
    return table_of(
        "overlap_actor", "Overlap of each actor",
        "The primary metric; the CSV has all. p of the image effect is adjusted over actors by Holm's method; one "
        "actor's actor effect has none.", rows,
        ["actor", "source", "contrast", "metric", "form", "value", *_BESIDE, "p_value", "p_attainable", "p_adjusted",
         "n", "reason"], folded=True, shown=_is_primary(rows) & ~rows["contrast"].str.contains(_RESTRICTED))


def _conventions() -> PrintedTable:
    """Say what was chosen where tools disagree."""
    frame = pd.DataFrame([
        {"metric": metric.name, "better": metric.better, "from": metric.low, "to": metric.high,
         "of_a_map_with_itself": metric.perfect, "sees": metric.reads, "convention": metric.convention,
         "citation": metric.citation} for metric in EVERY_METRIC.values()])
    return PrintedTable("overlap_conventions", "The metrics of overlap, and what was chosen where tools disagree", "",
                        frame, simulated=False, folded=True)


BASELINES = (
    f"A uniform map (analytic values, no interval), a centred Gaussian whose standard deviation is "
    f"{percent(CENTRE_SIGMA, 0)} of the grid, and the mean human map of the other actors. Differences from a baseline "
    "are paired over images. What people have in common moves with the workers, whom all actors share, and so do "
    "differences from maps that people did not make: a difference from the centred Gaussian has an interval over "
    "workers and actors, on smoothed maps, others none; from the other actors' map, one over actors and a test that "
    "flips the signs of actors' means.")

_PAIRINGS = (
    "Three pairings are told apart: same image; same actor, other image; other actor. The image effect is the first "
    "minus the second, with a null that permutes classifier maps within actors, whole shoots where the catalogue names "
    "them (images of a shoot are then not each other's other image); the actor effect is the second minus the third, "
    "with a null that permutes actors' whole sets of maps; its statistic is mean / standard deviation over actors of "
    "what is left without row and column means and their product (Tukey, 1949), as noise lowers an actor's "
    "overlaps by a factor on either side. Intervals of effects are over actors, by t, and by jackknife where actors "
    "meet other actors; of the pairings only the same image has one, on smoothed maps, over workers and actors as the "
    f"ceiling's, as all actors share workers; none are given below {FEWEST_ACTORS} actors. p-values of single actors "
    "are adjusted over actors by Holm's (1979) method. Where images have groups, the actor effect is "
    "given within them, too, and all pairings for the images that the classifier got right. Two classifiers' effects "
    "are compared by exchanging their maps within actors, which flips the signs of the columns of the difference of "
    "both matrices of pairs; their overlaps on the same image by an interval over workers and actors, on smoothed "
    "maps. ")


def _paragraph(data: StudyData) -> str:
    """Say how overlap was computed and tested."""
    share = percent(data.settings["maps"]["mask_share"], 0)
    return ("The primary metric is Pearson's correlation of smoothed maps (CC); the others follow Bylinskii et al. "
            f"(2019). iou and dice compare the top {share} of each map at equal area, tied pixels weighed; auc_top20 "
            f"takes the top {percent(POSITIVE_SHARE, 0)} of people's coverage as positives, after Judd et al. (2009), "
            "the shuffled one against other images' positives; neither is the AUC of fixations, which studies of gaze "
            "have as auc_judd and auc_shuffled; pointing_game asks whether the largest value lies near that area "
            "(Zhang et al. 2018); information gain is in bits over the mean of people's maps of the other images, of "
            "maps calibrated on other actors' images (Kümmerer et al. 2015, 2018); emd is on a coarse grid, a share of "
            "its diagonal. "
            f"{_PAIRINGS if data.has_classifier else ''}Heatmaps of actors and of the population are compared as maps "
            "are. A table lists what was chosen where tools disagree about a metric.")


ACTOR_SIMILARITY = (
    "Whether people and classifier find the same pairs of actors alike is a Mantel (1967) test on distances between "
    "actors' mean smoothed maps, each map at mean 0 and standard deviation 1. People's distances come from one random "
    "half of each actor's images and the classifier's from the other, as maps of the same photographs agree whether "
    "actors differ or not; squared distances are unbiased, made of products of different images (Walther et al. 2016), "
    "as noise makes actors with few or varied images look far from all; each actor's mean distance is removed "
    f"(U-centring, Székely & Rizzo 2014); the mean over {N_SPLITS} splits is permuted over actors as a studentised "
    "statistic (DiCiccio & Romano 2017), as the errors of distances differ between actors. The interval is a jackknife "
    "over actors. What noise is left draws the correlation towards 0: it is no measure of how strong the relation is.")


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say how overlap was computed and tested, where both sides have maps."""
    both = data.people != "none" and data.has_classifier
    if not both and len(pick(data.estimates, statistic=terms.OVERLAP)) == 0:
        return []
    return [("Overlap", _paragraph(data)), ("Baselines", BASELINES),
            *([("Similarity of actors", ACTOR_SIMILARITY)] if both else [])]


def section(data: StudyData, name: str) -> Section:
    """Give a classifier's overlap with people on its page."""
    rows = classifier_rows(data.estimates, name, terms.OVERLAP)
    primary = _is_primary(rows)
    return Section("overlap", "Overlap with people", tables=(
        compact_table(f"classifier_{name}_overlap", "Overlap with people, smoothed maps",
                      "Pearson's correlation; ceiling: people's noise ceiling.", rows[primary], of=name),
        compact_table(f"classifier_{name}_overlap_metrics", "Overlap with people, all metrics", "", rows[~primary],
                      folded=True, of=name)),
        absent="There are no human maps of single images, so there is no overlap with people.")

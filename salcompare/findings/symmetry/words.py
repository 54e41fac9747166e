"""What the report says of symmetry."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from salcompare.findings import symmetry as declared
from salcompare.naming import HUMAN, PHOTOGRAPHS
from salcompare.printing import estimate, number, verdict
from salcompare.report.content import Section, classifier_table
from salcompare.report.tables import PrintedTable, named, one, pick, table_of
from salcompare.statistics.inference.resampling import FEWEST_ACTORS
from salcompare.statistics.symmetries.indices import IMAGES_MIRRORED, MIRRORINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from salcompare.study_data import StudyData

_CLAIMS = (
    (declared.WORKERS, "lean to one side in common (above 0: the viewer's left)"),
    (declared.SIDE, "lean to one side in common"),
    (declared.ASYMMETRY, "are asymmetric, be the side in common or the actor's own"),
    (declared.BEYOND, "are asymmetric beyond what the turn of the faces explains"),
)


def summary(data: StudyData) -> list[str]:
    """Answer for people and for the classifier."""
    said = []
    source = data.main
    rows = pick(data.estimates, **declared.INDEX.name)
    for _, row in rows[rows["source"].isin([HUMAN, source])].iterrows():
        null = "" if math.isnan(row["null_mean"]) else (
            f"; truly symmetric maps with as much noise would give {number(row['null_mean'], 2)}")
        said.append(f"{named(row)}: symmetry index {estimate(row)}{null}.")
    said += [text for name in (HUMAN, source, PHOTOGRAPHS) if name is not None for text in _tests(data, name)]
    return said


def _tests(data: StudyData, source: str) -> list[str]:
    who = {HUMAN: "people's maps, with other workers and of other actors too,",
           PHOTOGRAPHS: "the photographs themselves"}.get(source, f"maps of {source}")
    rows = ((one(data.estimates, source=source, **quantity.name), claim) for quantity, claim in _CLAIMS)
    return [verdict(row, f"{who} {claim}") for row, claim in rows if row is not None]


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of symmetry."""
    symmetry, tests = (pick(data.estimates, statistic=name) for name in (declared.INDICES, declared.TESTS))
    yield table_of("symmetry_tests", "Are the maps symmetric?",
        "Mean over actors (laterality), or over pairs of different images, to which noise adds nothing. "
        "worker_laterality: a side of people's maps, for other workers and other actors, both resampled; the one test "
        "of a side that people's maps have. common_laterality, common_asymmetry: a side that actors share, null by "
        "mirroring whole actors. asymmetry: any side of each actor's own, null by mirroring single images. The "
        "photographs, turned and lit as they are, are the control: pose_association says how far maps turn with the "
        "face from image to image, odd_energy_explained which share of the maps' asymmetry follows the photographs', "
        "and asymmetry_beyond_photographs tests what they leave. Shares of energy compare between sources only where "
        "maps are alike in form.", tests[tests["level"] == "population"],
        ["metric", "source", "form", "value", "ci_low", "ci_high", "resampled", "p_value", "null", "n", "reason"])
    yield table_of("symmetry_population", "Symmetry, mean over actors",
        "t intervals over actors, none of people's maps, since all actors share workers; these are on the images "
        "that the classifiers' are of. null_mean: the index of symmetric maps with as much noise, for odd_share 0. "
        "odd_share compares smoothed boxes, over pairs of different images and workers, with masks smoothed by the "
        "same sigma; neither they nor their difference have a test or an interval. The laterality of people's maps "
        "stands with its test above.",
        symmetry[symmetry["level"] == "population"],
        ["source", "metric", "contrast", "value", "ci_low", "ci_high", "null_mean", "n"])
    yield table_of("symmetry_actor", "Symmetry of each actor", "", symmetry[symmetry["level"] == "actor"],
        ["actor", "source", "metric", "value", "null_mean", "n"], folded=True)
    yield table_of("asymmetry_actor", "Asymmetry of each actor",
        "Share of odd energy over pairs of the actor's images; null by mirroring single images. p adjusted over actors "
        "by Holm's method; below p_attainable no test of n images can come.", tests[tests["level"] == "actor"],
        ["actor", "source", "value", "p_value", "p_attainable", "p_adjusted", "n", "reason"], folded=True)


SYMMETRY = (
    "With F the left-right mirror of a map S: index = 1 − Σ|S−F| / Σ(|S|+|F|); mirror correlation = Pearson's of S "
    "and F; laterality = (L−R)/(L+R), viewer's left. The index follows the noise, so it stands beside what symmetric "
    f"maps with as much noise would give ({IMAGES_MIRRORED}, {MIRRORINGS} draws). Sources are compared on the "
    "cross-validated odd share, paired over actors: energy of the odd parts (S−F)/2 over that of odd and even parts, "
    "from inner products of different images of an actor (of people, by different workers, too), to which noise adds "
    "nothing; neither they nor their difference have a test or an interval, as few actors have most of the odd energy; "
    "both are smoothed by the same sigma, which makes the smoothing equal, not the resolution of boxes and gradients. "
    "Two nulls are tested. Do"
    " actors share a side? All maps of an actor are mirrored together, actors at random; the mean laterality and the "
    "energy of the mean odd part are compared. Has each actor a side, whichever? Single images are mirrored at "
    "random, whole shoots where the catalogue names them; the sum over pairs of an actor's images of inner products "
    "of odd parts is compared. The first has no power where sides differ between actors. Neither is asked of people's"
    " maps: all actors share workers, who lean to one side by chance, so that both reject too often. Whether people "
    "lean is asked with workers and actors both taken as random (worker_laterality): the mean over actors of the "
    "laterality of their heatmaps is computed anew from each worker's responses with workers, with actors, and with "
    "both resampled, one draw fewer than there are of each; its variance is 2(V_worker + V_actor) − V_both (Schütt et"
    " al. 2023), interval and p are of Student's t with the fewer of the two less one as degrees of freedom, none "
    f"below {FEWEST_ACTORS - 1}. Asymmetric maps may only show that faces were turned or lit from one side, so the "
    "photographs undergo the same tests; the Gram matrices of the odd parts of maps and photographs, each actor's "
    "mean taken away, are correlated over pairs of images of different actors (Robert & Escoufier 1976), maps "
    "permuted among an actor's images; and maps' odd parts are regressed on principal components of the photographs' "
    f"odd parts ({declared.MOST_COMPONENTS}, or one for {declared.IMAGES_A_COMPONENT} images if that is fewer), "
    "through the origin, to test what is left, people's maps excepted, by turning remainders' signs and regressing "
    "anew (Freedman & Lane 1983). That control is linear: pose that acts on maps otherwise stays in the remainder.")


MEASURED = (
    " The faces' yaw is measured here: maps are correlated with it in place of the photographs' odd parts, and "
    "regressed on it beside these, which hold the light, too.")


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say how symmetry was measured."""
    held = pick(data.estimates, **declared.POSE.name)["against"]
    return [("Symmetry", SYMMETRY + (MEASURED if held.eq(declared.YAW).any() else ""))]


def section(data: StudyData, name: str) -> Section:
    """Give the symmetry of a classifier's maps on its page."""
    return Section("symmetry", "Symmetry", tables=(classifier_table(
        data, name, "symmetry", "Left-right symmetry", "The index is to be read beside its mean for symmetric maps as "
        "noisy as these (null mean).", declared.INDICES, declared.TESTS),))

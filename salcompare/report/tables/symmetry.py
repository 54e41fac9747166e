"""Tables of symmetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.tables.printed import PrintedTable, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd


def symmetry_tables(estimates: pd.DataFrame) -> Iterator[PrintedTable]:
    """Make the tables of symmetry."""
    symmetry, tests = (estimates[estimates["statistic"] == name] for name in ("symmetry", "symmetry_test"))
    yield table_of("symmetry_tests", "Are the maps symmetric?",
        "Mean over actors (laterality), or over pairs of different images, to which noise adds nothing. "
        "worker_laterality: a side of people's maps, for other workers and other actors, both resampled; the one test "
        "of a side that people's maps have. "
        "common_laterality, common_asymmetry: a side that actors share, null by mirroring whole actors. asymmetry: any "
        "side of each actor's own, null by mirroring single images. The photographs, turned and lit as they are, are "
        "the control: pose_association says how far maps turn with the face from image to image, "
        "odd_energy_explained which share of the maps' asymmetry follows the photographs', and "
        "asymmetry_beyond_photographs tests what they leave. Shares of energy compare between sources only where maps "
        "are alike in form.", tests[tests["level"] == "population"],
        ["metric", "source", "form", "value", "ci_low", "ci_high", "resampled", "p_value", "null", "n",
         "reason"])
    yield table_of("symmetry_population", "Symmetry, mean over actors",
        "t intervals over actors; people's maps on the images that the classifiers' are of. null_mean: the index "
        "of symmetric maps with as much noise, for odd_share 0. odd_share compares smoothed coverage with masks "
        "smoothed by the same sigma; p flips the signs of actors' differences. The laterality of people's maps stands "
        "with its test above.",
        symmetry[symmetry["level"] == "population"],
        ["source", "metric", "contrast", "value", "ci_low", "ci_high", "null_mean", "p_value", "n"])
    yield table_of("symmetry_actor", "Symmetry of each actor", "", symmetry[symmetry["level"] == "actor"],
        ["actor", "source", "metric", "value", "null_mean", "n"], folded=True)
    yield table_of("asymmetry_actor", "Asymmetry of each actor",
        "Share of odd energy over pairs of the actor's images; null by mirroring single images. p adjusted over actors "
        "by Holm's method; below p_attainable no test of n images can come.", tests[tests["level"] == "actor"],
        ["actor", "source", "value", "p_value", "p_attainable", "p_adjusted", "n", "reason"], folded=True)

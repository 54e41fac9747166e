"""Tables of symmetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.tables.printed import PrintedTable, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd


def symmetry_tables(estimates: pd.DataFrame) -> Iterator[PrintedTable]:
    """Make the tables of symmetry."""
    symmetry = estimates[estimates["statistic"] == "symmetry"]
    yield table_of("symmetry_population", "Symmetry, mean over actors",
        "t intervals over actors; people's maps on the images that the classifiers' are of. null_mean: the index "
        "of symmetric maps with as much noise. odd_share compares smoothed coverage with smoothed masks.",
        symmetry[symmetry["level"] == "population"],
        ["source", "metric", "contrast", "value", "ci_low", "ci_high", "null_mean", "n"])
    yield table_of("symmetry_actor", "Symmetry of each actor", "", symmetry[symmetry["level"] == "actor"],
        ["actor", "source", "metric", "value", "null_mean", "n"], folded=True)

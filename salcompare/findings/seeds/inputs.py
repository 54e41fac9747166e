"""Maps and tables of every training of the classifiers, seed by seed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from salcompare import store
from salcompare.naming import source_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from salcompare.study import Study

TEXT = dict.fromkeys(("variant", "split", "layer", "kind"), "str")


def maps_by_seed(study: Study) -> dict[str, xr.DataArray]:
    """Give the maps (seed, image, y, x) of the main method, by source, of the classifiers that have several seeds."""
    sources = [source_of(classifier, variant, study.config.attribution_of(classifier).method)
               for classifier, variant in study.variants if classifier.seeds > 1]
    return {source: study.maps_by_seed(source) for source in sources}


def tables_by_seed(study: Study, table: str) -> pd.DataFrame:
    """Stack a table of every training of every classifier, with columns classifier and seed in front."""
    import pandas as pd

    tables = [store.read_csv(study.seed_folder(classifier, seed) / f"{table}.csv", text=TEXT).assign(
        classifier=classifier.name, seed=seed) for classifier in study.config.classifier
        for seed in study.seeds(classifier)]
    stacked = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["classifier", "seed"])
    return stacked[["classifier", "seed", *(name for name in stacked if name not in ("classifier", "seed"))]]


INPUTS = {"seed_maps": maps_by_seed, "seed_accuracies": partial(tables_by_seed, table="accuracy"),
          "seed_weights": partial(tables_by_seed, table="weights")}

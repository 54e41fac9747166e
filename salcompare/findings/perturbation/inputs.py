"""What networks said of photographs with parts taken out, as their stages left it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare import store
from salcompare.naming import network

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from salcompare.config import Classifier
    from salcompare.study import Study


def networks(study: Study) -> list[tuple[Classifier, str]]:
    """Networks whose photographs have parts removed."""
    which = study.config.removal.networks
    return [(classifier, variant) for classifier, variant in study.variants
            if which == "all" or (which == "last" and variant == classifier.variants[-1])]


def removals(study: Study) -> dict[str, xr.Dataset]:
    """Outcomes of each of these networks by its name, such as ``alexnet/finetuned``."""
    return {network(classifier.name, variant): store.open_dataset(study.classifier_folder(classifier),
                                                                  store_name(variant)).load()
            for classifier, variant in networks(study)}


def store_name(variant: str) -> str:
    """Name the store of what a variant said."""
    return f"{variant}-removal"


def removal_curves(study: Study) -> pd.DataFrame:
    """Points of deletion and insertion curves: network, source, way, metric, fill, share, value, interval and n."""
    return store.read_csv(study.processed / "removal_curves.csv", text=(
        "network", "source", "way", "metric", "fill", "responses"))


INPUTS = {"removals": removals, "removal_curves": removal_curves}

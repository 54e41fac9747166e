"""Maps of the controls, as the controls' stages left them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from salcompare import store
from salcompare.findings.controls import LAYERS, RANDOMISED, SHUFFLED
from salcompare.naming import source_of

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

    from salcompare.config import Classifier
    from salcompare.study import Study

MAIN_ONLY = {SHUFFLED: "shuffled", LAYERS: "layers"}
"""What the statistics call each control of the last variant and the main method alone, and its store's name."""


def controlled(study: Study) -> tuple[Classifier, ...]:
    """Classifiers that are controlled."""
    classifiers = study.config.classifier
    return {"first": classifiers[:1], "all": classifiers, "none": ()}[study.config.controls.classifiers]


def kinds(study: Study) -> tuple[str, ...]:
    """Name the controls of use to the study: without people there is no overlap to hold against others."""
    return tuple(kind for kind in (RANDOMISED, *MAIN_ONLY) if kind == LAYERS or study.people != "none")


def controls_of(study: Study) -> dict[str, dict[str, xr.Dataset]]:
    """Open the maps of the controls, by source and by the control's name.

    Of each classifier the main source comes first. Sources whose randomised networks are the same hold the same
    Dataset.
    """
    maps: dict[str, dict[str, xr.Dataset]] = {}
    opened = cache(store.open_dataset)
    for classifier in controlled(study):
        folder, attribution = folder_of(study, classifier), study.config.attribution_of(classifier)
        for method in attribution.methods if RANDOMISED in kinds(study) else ():
            shared = store.read_json(folder / f"{shared_name(method)}.json")
            for variant in reversed(classifier.variants):
                name = randomised_name(shared[variant], method)
                maps[source_of(classifier, variant, method)] = {RANDOMISED: opened(folder, name)}
        main = source_of(classifier, classifier.variants[-1], attribution.method)
        maps[main] = maps.get(main, {}) | {kind: opened(folder, name) for kind, name in MAIN_ONLY.items()
                                           if kind in kinds(study)}
    return maps


def folder_of(study: Study, classifier: Classifier) -> Path:
    """Where the maps of a classifier's controls are."""
    return study.classifier_folder(classifier) / "controls"


def randomised_name(variant: str, method: str) -> str:
    """Name the store of a variant's randomised networks."""
    return f"randomised-{variant}-{method}"


def shared_name(method: str) -> str:
    """Name the file that says, by variant, which variant's randomised networks it is held against."""
    return f"randomised-{method}"


INPUTS = {"controls": controls_of}

"""The stages of controls: maps of the same network without what it has learnt."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from salcompare import store
from salcompare.naming import source_name
from salcompare.pipeline.settings import attribution_settings, grid_settings
from salcompare.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import xarray as xr

    from salcompare.config import Classifier
    from salcompare.progress import Progress
    from salcompare.study import Study

KINDS = {"randomised network": "randomised", "shuffled labels": "shuffled", "layers": "layers"}
"""What the statistics call each control, and its store's name."""


def control_stages(study: Study) -> Iterator[Stage]:
    """Give the stage of each classifier that is controlled."""
    config = study.config
    for classifier in controlled(study):
        yield Stage(f"controls {classifier.name}", (f"train {classifier.name}", "photographs"),
                    {"attribution": attribution_settings(config.attribution), "controls": config.controls,
                     **grid_settings(study)},
                    partial(_controls, classifier=classifier),
                    outputs=tuple(_folder(study, classifier) / f"{name}.json" for name in kinds(study).values()))


def controlled(study: Study) -> tuple[Classifier, ...]:
    """Classifiers whose last variant is controlled."""
    found = study.config.classifier
    return {"first": found[:1], "all": found, "none": ()}[study.config.controls.classifiers]


def kinds(study: Study) -> dict[str, str]:
    """Name the controls of use to the study: without people there is no overlap to hold against others."""
    return {kind: name for kind, name in KINDS.items() if kind == "layers" or study.people != "none"}


def controls_of(study: Study) -> dict[str, dict[str, xr.Dataset]]:
    """Open the maps of the controls, by source and by the control's name."""
    method = study.config.attribution.method
    return {source_name(classifier, classifier.variants[-1], method):
            {kind: store.open_dataset(_folder(study, classifier), name) for kind, name in kinds(study).items()}
            for classifier in controlled(study)}


def _folder(study: Study, classifier: Classifier) -> Path:
    return study.classifier_folder(classifier) / "controls"


def _controls(study: Study, own: str, progress: Progress, *, classifier: Classifier) -> None:
    from salcompare.classifiers import load_classifier
    from salcompare.classifiers.controls import Target, write_layer_maps, write_randomised_maps, write_shuffled_maps

    config, photographs = study.config, study.photographs()
    # Test photographs are read as they are explained; training needs all of its own at once.
    test, training = (photographs.sel(image=photographs.split == split) for split in ("test", "train"))
    trained = load_classifier(study.classifier_folder(classifier), classifier.variants[-1])
    targets = {name: Target(_folder(study, classifier), name, own, config.study.seed, {"classifier": classifier.name})
               for name in kinds(study).values()}
    if "randomised" in targets:
        write_randomised_maps(trained, test, targets["randomised"], controls=config.controls,
                              attribution=config.attribution, progress=progress)
    if "shuffled" in targets:
        write_shuffled_maps(trained, test, targets["shuffled"], training=training, phase=classifier.frozen,
                            controls=config.controls, attribution=config.attribution, progress=progress)
    write_layer_maps(trained, test, targets["layers"], controls=config.controls, attribution=config.attribution,
                     progress=progress)

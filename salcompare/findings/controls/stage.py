"""The stages of controls: maps of the same network without what it has learnt."""

from __future__ import annotations

import dataclasses
from functools import cache, partial
from typing import TYPE_CHECKING

from salcompare import store
from salcompare.naming import source_name
from salcompare.stages import Stage, attribution_settings, grid_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import xarray as xr

    from salcompare.classifiers.control_maps import Target
    from salcompare.config import Attribution, Classifier
    from salcompare.progress import Progress
    from salcompare.study import Study

RANDOMISED = "randomised network"
MAIN_ONLY = {"shuffled labels": "shuffled", "layers": "layers"}
"""What the statistics call each control of the last variant and the main method alone, and its store's name."""


def control_stages(study: Study) -> Iterator[Stage]:
    """Give the stages of each classifier that is controlled: one for each method, and one for the main source alone."""
    config = study.config
    for classifier in controlled(study):
        attribution, folder = config.attribution_of(classifier), _folder(study, classifier)
        needs = (f"train {classifier.name}", "photographs")
        every = {name: value for name, value in dataclasses.asdict(config.controls).items() if name != "classifiers"}
        of_all = {name: every[name] for name in ("randomisations", "images")}
        for method in attribution.methods if RANDOMISED in kinds(study) else ():
            yield Stage(f"randomised {classifier.name}/{method}", needs,
                        {"attribution": attribution_settings(attribution, method),
                         "variants": classifier.variants, "controls": of_all, **grid_settings(study)},
                        partial(_randomised, classifier=classifier, method=method),
                        outputs=(folder / f"{_shared(method)}.json",
                                 folder / f"{_randomised_name(classifier.variants[-1], method)}.json"),
                        extras=tuple(folder / f"{_randomised_name(variant, method)}.json"
                                     for variant in classifier.variants[:-1]))
        yield Stage(f"controls {classifier.name}", needs,
                    {"attribution": attribution_settings(attribution), "controls": every, **grid_settings(study)},
                    partial(_of_main, classifier=classifier),
                    outputs=tuple(folder / f"{MAIN_ONLY[kind]}.json" for kind in kinds(study) if kind in MAIN_ONLY))


def controlled(study: Study) -> tuple[Classifier, ...]:
    """Classifiers that are controlled."""
    found = study.config.classifier
    return {"first": found[:1], "all": found, "none": ()}[study.config.controls.classifiers]


def kinds(study: Study) -> tuple[str, ...]:
    """Name the controls of use to the study: without people there is no overlap to hold against others."""
    return tuple(kind for kind in (RANDOMISED, *MAIN_ONLY) if kind == "layers" or study.people != "none")


def controls_of(study: Study) -> dict[str, dict[str, xr.Dataset]]:
    """Open the maps of the controls, by source and by the control's name.

    Of each classifier the main source comes first. Sources whose randomised networks are the same hold the same
    Dataset.
    """
    found: dict[str, dict[str, xr.Dataset]] = {}
    opened = cache(store.open_dataset)
    for classifier in controlled(study):
        folder, attribution = _folder(study, classifier), study.config.attribution_of(classifier)
        for method in attribution.methods if RANDOMISED in kinds(study) else ():
            shared = store.read_json(folder / f"{_shared(method)}.json")
            for variant in reversed(classifier.variants):
                name = _randomised_name(shared[variant], method)
                found[source_name(classifier, variant, method)] = {RANDOMISED: opened(folder, name)}
        main = source_name(classifier, classifier.variants[-1], attribution.method)
        found[main] = {**found.get(main, {}), **{kind: opened(folder, MAIN_ONLY[kind]) for kind in kinds(study)
                                                if kind in MAIN_ONLY}}
    return found


def _folder(study: Study, classifier: Classifier) -> Path:
    return study.classifier_folder(classifier) / "controls"


def _randomised_name(variant: str, method: str) -> str:
    return f"randomised-{variant}-{method}"


def _shared(method: str) -> str:
    """Name the file that says, by variant, which variant's randomised networks are its own."""
    return f"randomised-{method}"


def _randomised(study: Study, own: str, progress: Progress, *, classifier: Classifier, method: str) -> None:
    from salcompare.classifiers import load_classifier
    from salcompare.classifiers.control_maps import same_when_randomised, write_randomised_maps

    test = _photographs(study, "test")
    networks = {variant: load_classifier(study.classifier_folder(classifier), variant)
                for variant in reversed(classifier.variants)}
    shared: dict[str, str] = {}
    for variant, trained in networks.items():
        same = (other for other in shared.values()
                if same_when_randomised(trained, networks[other], test, seed=study.config.study.seed))
        shared[variant] = next(same, variant)
        if shared[variant] == variant:
            write_randomised_maps(trained, test, _target(study, own, classifier, _randomised_name(variant, method)),
                                  controls=study.config.controls, attribution=_by(study, classifier, method),
                                  progress=progress)
    store.write_json(_folder(study, classifier) / f"{_shared(method)}.json", shared)


def _of_main(study: Study, own: str, progress: Progress, *, classifier: Classifier) -> None:
    from salcompare.classifiers import load_classifier
    from salcompare.classifiers.control_maps import write_layer_maps, write_shuffled_maps

    # Test photographs are read as they are explained; training needs all of its own at once.
    test, training = _photographs(study, "test"), _photographs(study, "train")
    trained = load_classifier(study.classifier_folder(classifier), classifier.variants[-1])
    controls, attribution = study.config.controls, study.config.attribution_of(classifier)
    targets = {name: _target(study, own, classifier, name) for kind, name in MAIN_ONLY.items() if kind in kinds(study)}
    if "shuffled" in targets:
        write_shuffled_maps(trained, test, targets["shuffled"], training=training, phase=classifier.frozen,
                            controls=controls, attribution=attribution, progress=progress)
    write_layer_maps(trained, test, targets["layers"], controls=controls, attribution=attribution, progress=progress)


def _photographs(study: Study, split: str) -> xr.DataArray:
    photographs = study.photographs()
    return photographs.sel(image=photographs.split == split)


def _target(study: Study, own: str, classifier: Classifier, name: str) -> Target:
    from salcompare.classifiers.control_maps import Target

    return Target(_folder(study, classifier), name, own, study.config.study.seed, {"classifier": classifier.name})


def _by(study: Study, classifier: Classifier, method: str) -> Attribution:
    """Say how one of a classifier's methods makes its maps."""
    return dataclasses.replace(study.config.attribution_of(classifier), methods=(method,))

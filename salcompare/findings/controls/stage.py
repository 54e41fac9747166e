"""The stages of controls: maps of the same network without what it has learnt."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING

from salcompare import store
from salcompare.findings.controls import LAYERS, RANDOMISED, SHUFFLED
from salcompare.findings.controls.inputs import MAIN_ONLY, controlled, folder_of, kinds, randomised_name, shared_name
from salcompare.stages import Stage, attribution_settings, grid_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

    from salcompare.classifiers.control_maps import Target
    from salcompare.config import Classifier
    from salcompare.progress import Progress
    from salcompare.study import Study


def control_stages(study: Study) -> Iterator[Stage]:
    """Give the stages of each classifier that is controlled: one for each method, and one for the main source alone."""
    config = study.config
    for classifier in controlled(study):
        attribution, folder = config.attribution_of(classifier), folder_of(study, classifier)
        requires = (f"train {classifier.name}", "photographs")
        of_main = dataclasses.asdict(config.controls)
        del of_main["classifiers"]
        of_all = {"randomisations": of_main.pop("randomisations"), "images": of_main["images"]}
        for method in attribution.methods if RANDOMISED in kinds(study) else ():
            yield Stage(f"randomised {classifier.name}/{method}", requires,
                        {"attribution": attribution_settings(attribution, method),
                         "variants": classifier.variants, "controls": of_all, **grid_settings(study)},
                        partial(_randomised, classifier=classifier, method=method),
                        outputs=(folder / f"{shared_name(method)}.json",
                                 folder / f"{randomised_name(classifier.variants[-1], method)}.json"),
                        extras=tuple(folder / f"{randomised_name(variant, method)}.json"
                                     for variant in classifier.variants[:-1]), version=2)
        yield Stage(f"controls {classifier.name}", requires,
                    {"attribution": attribution_settings(attribution), "controls": of_main, **grid_settings(study)},
                    partial(_of_main, classifier=classifier),
                    outputs=tuple(folder / f"{MAIN_ONLY[kind]}.json" for kind in kinds(study) if kind in MAIN_ONLY),
                    version=2)


def _randomised(study: Study, fingerprint: str, progress: Progress, *, classifier: Classifier, method: str) -> None:
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
            attribution = dataclasses.replace(study.config.attribution_of(classifier), methods=(method,))
            write_randomised_maps(trained, test, _target(study, fingerprint, classifier, randomised_name(
                variant, method)), controls=study.config.controls, attribution=attribution, progress=progress)
    store.write_json(folder_of(study, classifier) / f"{shared_name(method)}.json", shared)


def _of_main(study: Study, fingerprint: str, progress: Progress, *, classifier: Classifier) -> None:
    from salcompare.classifiers import load_classifier
    from salcompare.classifiers.control_maps import write_layer_maps, write_shuffled_maps

    # Test photographs are read as they are explained; training needs all of its own at once.
    test, training = _photographs(study, "test"), _photographs(study, "train")
    trained = load_classifier(study.classifier_folder(classifier), classifier.variants[-1])
    controls, attribution = study.config.controls, study.config.attribution_of(classifier)
    targets = {kind: _target(study, fingerprint, classifier, MAIN_ONLY[kind]) for kind in kinds(study)
               if kind in MAIN_ONLY}
    if SHUFFLED in targets:
        write_shuffled_maps(trained, test, targets[SHUFFLED], training=training, phase=classifier.frozen,
                            controls=controls, attribution=attribution, progress=progress)
    write_layer_maps(trained, test, targets[LAYERS], controls=controls, attribution=attribution, progress=progress)


def _photographs(study: Study, split: str) -> xr.DataArray:
    photographs = study.photographs()
    return photographs.sel(image=photographs.split == split)


def _target(study: Study, fingerprint: str, classifier: Classifier, name: str) -> Target:
    from salcompare.classifiers.control_maps import Target

    return Target(folder_of(study, classifier), name, fingerprint, study.config.study.seed,
                  {"classifier": classifier.name})

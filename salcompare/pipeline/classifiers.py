"""Stages of the classifiers' side: training, maps, and saliency differences."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from salcompare import provenance, store
from salcompare.errors import InputError, Problem
from salcompare.pipeline.given import given_inputs, given_outputs, take_classifier_maps
from salcompare.pipeline.seeds import once, seed_stages
from salcompare.pipeline.settings import grid_settings
from salcompare.presentation import difference_pairs
from salcompare.schema import CLASSIFIER_MAPS, check_maps
from salcompare.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from salcompare.config import Classifier
    from salcompare.progress import Progress
    from salcompare.study import Study

IMAGES_PER_PAIR = 2  # test images a saliency difference is computed for


def classifier_stages(study: Study) -> Iterator[Stage]:
    """Give the stages that end in maps of the test images: each classifier trained, then explained."""
    config, grid = study.config, grid_settings(study)
    for classifier in config.classifier:
        folder = study.classifier_folder(classifier)
        yield Stage(f"train {classifier.name}", ("photographs",), {"classifier": once(classifier), **grid},
                    partial(_train, classifier=classifier), _weights_inputs(study, classifier),
                    (folder / "accuracy.csv",))
    for classifier, variant in study.variants:
        folder = study.classifier_folder(classifier)
        yield Stage(f"maps {classifier.name}/{variant}", (f"train {classifier.name}", "photographs"),
                    {"attribution": config.attribution}, partial(_maps, classifier=classifier, variant=variant),
                    outputs=(folder / f"{variant}-{config.attribution.method}.json",))
    yield from seed_stages(study, {c.name: _weights_inputs(study, c) for c in config.classifier})
    for given in config.precomputed:
        yield Stage(f"maps {given.name}", ("photographs",), {"precomputed": given, **grid},
                    partial(take_classifier_maps, given=given), given_inputs(study, given.path),
                    given_outputs(study, given))


def difference_stages(study: Study) -> Iterator[Stage]:
    """Give the stage of saliency differences, where there is a network to ask."""
    config = study.config
    if config.classifier:
        yield Stage("saliency differences", (f"train {config.classifier[0].name}", "photographs"),
                    {"attribution": config.attribution, "differences": config.report.differences,
                     "actors": config.report.actors}, _differences,
                    outputs=(study.processed / "differences.json",))


def _weights_inputs(study: Study, classifier: Classifier) -> dict[str, str]:
    if classifier.weights in ("imagenet", "installed", "none"):
        return {}
    path = study.root / classifier.weights
    if not path.is_file():
        raise InputError(Problem(f"study.toml [[classifier]] {classifier.name} weights", f"no file {path}",
                                 "imagenet, installed, none, or a file of weights"))
    return {classifier.weights: provenance.sha256_of_file(path)}


def _train(study: Study, own: str, progress: Progress, *, classifier: Classifier) -> None:  # noqa: ARG001
    from salcompare.classifiers import train_classifier

    train_classifier(study.photographs(), study.images, classifier, root=study.root,
                     folder=study.classifier_folder(classifier), seed=study.config.study.seed, progress=progress)


def _maps(study: Study, own: str, progress: Progress, *, classifier: Classifier, variant: str) -> None:
    from salcompare.classifiers import load_classifier, write_classifier_maps

    folder = study.classifier_folder(classifier)
    photographs = study.photographs()
    test = photographs.sel(image=photographs.split == "test").load()
    name = f"{variant}-{study.config.attribution.method}"
    write_classifier_maps(load_classifier(folder, variant), test, config=study.config.attribution, folder=folder,
                          name=name, fingerprint=own, progress=progress,
                          provenance={"seed": study.config.study.seed, "variant": variant})
    check_maps(store.open_dataset(folder, name), CLASSIFIER_MAPS, f"{folder / name}")


def _differences(study: Study, own: str, progress: Progress) -> None:
    from salcompare.classifiers import load_classifier, write_class_differences

    classifier = study.config.classifier[0]
    photographs = study.photographs()
    test = photographs.sel(image=photographs.split == "test").load()
    trained = load_classifier(study.classifier_folder(classifier), classifier.variants[-1])
    progress.say("  " + ", ".join(f"{y} - {z}" for y, z in difference_pairs(study)))
    write_class_differences(trained, test, pairs=difference_pairs(study), images_per_pair=IMAGES_PER_PAIR,
                            config=study.config.attribution, folder=study.processed, name="differences",
                            fingerprint=own, provenance={"seed": study.config.study.seed})

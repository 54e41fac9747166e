"""Stages of the classifiers' side: training, maps, and saliency differences."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from salcompare import provenance, store
from salcompare.config import Config
from salcompare.errors import InputError, Problem
from salcompare.findings.seeds.stage import (
    how_far_trained,
    other_threads,
    seed_stages,
    trained_files,
    training_settings,
)
from salcompare.naming import source_of
from salcompare.pipeline.given import given_inputs, given_outputs, take_classifier_maps
from salcompare.pipeline.presentation import check_names, difference_pairs
from salcompare.pipeline.study_data import shown_actors
from salcompare.schema import CLASSIFIER_MAPS, check_maps
from salcompare.stages import Stage, attribution_settings, grid_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

    from salcompare.classifiers import TrainedClassifier
    from salcompare.config import Attribution, Classifier
    from salcompare.progress import Progress
    from salcompare.study import Study

IMAGES_PER_PAIR = 2  # test images a saliency difference is computed for


def classifier_stages(study: Study) -> Iterator[Stage]:
    """Give the stages that end in maps of the test images: each classifier trained, then explained."""
    config, grid = study.config, grid_settings(study)
    for classifier in config.classifier:
        folder = study.classifier_folder(classifier)
        yield Stage(f"train {classifier.name}", ("photographs",), {"classifier": training_settings(classifier), **grid},
                    partial(_train, classifier=classifier), _weights_inputs(study, classifier),
                    trained_files(folder, classifier), partial(_check, classifier=classifier),
                    begun=partial(how_far_trained, folder=folder),
                    note=partial(other_threads, folder=folder, title=classifier.name))
    for classifier, variant in study.variants:
        folder = study.classifier_folder(classifier)
        attribution = config.attribution_of(classifier)
        for method in attribution.methods:
            yield Stage(f"maps {source_of(classifier, variant, method)}", (f"train {classifier.name}", "photographs"),
                        {"attribution": attribution_settings(attribution, method)},
                        partial(_maps, classifier=classifier, variant=variant, method=method),
                        outputs=(folder / f"{variant}-{method}.json",))
    yield from seed_stages(study, {c.name: _weights_inputs(study, c) for c in config.classifier})
    for given in config.precomputed:
        yield Stage(f"maps {given.name}", ("photographs",), {"precomputed": given, **grid},
                    partial(take_classifier_maps, given=given), given_inputs(study, given.path),
                    given_outputs(study, given))


def difference_stages(study: Study) -> Iterator[Stage]:
    """Give the stages of saliency differences, of pairs and of all actors shown, where there is a network to ask."""
    config = study.config
    if config.classifier:
        attribution = attribution_settings(config.attribution_of(config.classifier[0]))
        named = config.report.differences
        pairs = {"differences": named} if named else {"actors": config.report.actors}  # that they are chosen from
        yield Stage("saliency differences", (f"train {config.classifier[0].name}", "photographs"),
                    {"attribution": attribution, **pairs}, _differences,
                    outputs=(study.processed / "differences.json",), check=check_names)
        yield Stage("saliency matrix", (f"train {config.classifier[0].name}", "photographs"),
                    {"attribution": attribution, "actors": config.report.actors}, _matrix,
                    outputs=(study.processed / "class_matrix.json",), check=check_names)


def _weights_inputs(study: Study, classifier: Classifier) -> dict[str, str]:
    """Hash the user's own files that a network is made of: its weights, and its code with all it imports."""
    module, is_own, _ = classifier.backbone.partition(":")
    code = provenance.sha256_of_code(module, study.root) if is_own else {}
    if classifier.weights in ("imagenet", "installed", "none"):
        return code
    path = study.root / classifier.weights
    if not path.is_file():
        if is_own:
            return code  # whose recipe may give weights names of its own; training finds out
        raise InputError(Problem(f"study.toml [[classifier]] {classifier.name} weights", f"no file {path}",
                                 "imagenet, installed, none, or a file of weights"))
    return code | {classifier.weights: provenance.sha256_of_file(path)}


def _check(study: Study, progress: Progress, *, classifier: Classifier) -> None:
    """Refuse a network that cannot be explained as asked, or whose weights cannot be had."""
    from salcompare.classifiers.variants import check_guided, check_weights

    if study.config.classifier == Config().classifier:
        progress.say("  no [[classifier]] of study.toml asks for anything else: the network is AlexNet with ImageNet "
                     "weights; for a study of people alone, say classifier = []")
    if any("guided" in method for method in study.config.attribution_of(classifier).methods):
        check_guided(classifier, size=study.config.study.size, root=study.root)
    check_weights(classifier, root=study.root, say=progress.say)


def _train(study: Study, own: str, progress: Progress, *, classifier: Classifier) -> None:  # noqa: ARG001
    from salcompare.classifiers import train_classifier

    train_classifier(study.photographs(), study.images, classifier, root=study.root,
                     folder=study.classifier_folder(classifier), seed=study.config.study.seed, progress=progress)


def _maps(study: Study, own: str, progress: Progress, *, classifier: Classifier, variant: str, method: str) -> None:
    from salcompare.classifiers import load_classifier, write_classifier_maps

    folder = study.classifier_folder(classifier)
    photographs = study.photographs()
    test = photographs.sel(image=photographs.split == "test")  # read as needed, like the maps, a chunk at a time
    name = f"{variant}-{method}"
    write_classifier_maps(load_classifier(folder, variant), test, method=method, folder=folder,
                          config=study.config.attribution_of(classifier), name=name, fingerprint=own, progress=progress,
                          provenance={"seed": study.config.study.seed, "variant": variant})
    check_maps(store.open_dataset(folder, name, chunked=True), CLASSIFIER_MAPS, f"{folder / name}")


def _differences(study: Study, own: str, progress: Progress) -> None:
    from salcompare.classifiers import write_class_differences

    trained, test = _shown_network(study)
    progress.say("  " + ", ".join(f"{y} - {z}" for y, z in difference_pairs(study)))
    write_class_differences(trained, test, pairs=difference_pairs(study), images_per_pair=IMAGES_PER_PAIR,
                            config=_shown_attribution(study), folder=study.processed, name="differences",
                            fingerprint=own, provenance={"seed": study.config.study.seed})


def _matrix(study: Study, own: str, progress: Progress) -> None:
    from salcompare.classifiers import write_class_matrix

    trained, test = _shown_network(study)
    write_class_matrix(trained, test, actors=shown_actors(study), config=_shown_attribution(study),
                       folder=study.processed, name="class_matrix", fingerprint=own, progress=progress,
                       provenance={"seed": study.config.study.seed})


def _shown_attribution(study: Study) -> Attribution:
    return study.config.attribution_of(study.config.classifier[0])


def _shown_network(study: Study) -> tuple[TrainedClassifier, xr.DataArray]:
    """Load the network that figures of one network show, and open the test photographs."""
    from salcompare.classifiers import load_classifier

    classifier = study.config.classifier[0]
    photographs = study.photographs()
    return (load_classifier(study.classifier_folder(classifier), classifier.variants[-1]),
            photographs.sel(image=photographs.split == "test"))

"""Stages that train classifiers, explain them or take their precomputed maps, and show what tells actors apart."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from salcompare import provenance, store
from salcompare.config import Config
from salcompare.errors import InputError, Problem
from salcompare.findings.seeds import stage as seeds
from salcompare.maps.alignment import is_aligned
from salcompare.naming import PRECOMPUTED, source_of
from salcompare.pipeline.presentation import check_names, difference_pairs
from salcompare.pipeline.study_data import shown_actors
from salcompare.printing import counted
from salcompare.schema import CLASSIFIER_MAPS, FIXATIONS, HUMAN_MAPS, MAP_FILES, check_maps, check_table
from salcompare.stages import Stage, attribution_settings, grid_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

    from salcompare.classifiers import TrainedClassifier
    from salcompare.config import Attribution, Classifier, Precomputed
    from salcompare.progress import Progress
    from salcompare.study import Study


IMAGES_PER_PAIR = 2  # test images a saliency difference is computed for


def classifier_stages(study: Study) -> Iterator[Stage]:
    """Give the stages that end in maps of the test images: each classifier trained, then explained."""
    config, grid = study.config, grid_settings(study)
    for classifier in config.classifier:
        folder = study.classifier_folder(classifier)
        settings = {"classifier": seeds.training_settings(classifier), **grid}
        yield Stage(f"train {classifier.name}", ("photographs",), settings, partial(_train, classifier=classifier),
                    _weights_inputs(study, classifier), seeds.trained_files(folder, classifier),
                    partial(_check, classifier=classifier), begun=partial(seeds.how_far_trained, folder=folder),
                    note=partial(seeds.other_threads, folder=folder, title=classifier.name))
    for classifier, variant in study.variants:
        folder = study.classifier_folder(classifier)
        attribution = config.attribution_of(classifier)
        for method in attribution.methods:
            yield Stage(f"maps {source_of(classifier, variant, method)}", (f"train {classifier.name}", "photographs"),
                        {"attribution": attribution_settings(attribution, method)},
                        partial(_maps, classifier=classifier, variant=variant, method=method),
                        outputs=(folder / f"{variant}-{method}.json",))
    yield from seeds.seed_stages(study, {c.name: _weights_inputs(study, c) for c in config.classifier})
    for precomputed in config.precomputed:
        folder = study.classifier_folder(precomputed)
        yield Stage(f"maps {precomputed.name}", ("photographs",), {"precomputed": precomputed, **grid},
                    partial(take_classifier_maps, precomputed=precomputed), precomputed_inputs(study, precomputed.path),
                    tuple(folder / name for name in (
                        f"{PRECOMPUTED}-{precomputed.method}.json", "left_out.csv", "given.json")))


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
    module, is_local, _ = classifier.backbone.partition(":")
    code = provenance.sha256_of_code(module, study.root) if is_local else {}
    if classifier.weights in ("imagenet", "installed", "none"):
        return code
    path = study.root / classifier.weights
    if not path.is_file():
        if is_local:
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


def _train(study: Study, fingerprint: str, progress: Progress, *, classifier: Classifier) -> None:  # noqa: ARG001
    from salcompare.classifiers import train_classifier

    train_classifier(study.photographs(), study.images, classifier, root=study.root,
                     folder=study.classifier_folder(classifier), seed=study.config.study.seed, progress=progress)


def _maps(study: Study, fingerprint: str, progress: Progress, *, classifier: Classifier, variant: str,
          method: str) -> None:
    from salcompare.classifiers import load_classifier, write_classifier_maps

    folder = study.classifier_folder(classifier)
    photographs = study.photographs()
    test = photographs.sel(image=photographs.split == "test")  # read as needed, like the maps, a chunk at a time
    name = f"{variant}-{method}"
    write_classifier_maps(load_classifier(folder, variant), test, method=method, folder=folder,
                          config=study.config.attribution_of(classifier), name=name, fingerprint=fingerprint,
                          progress=progress, provenance={"seed": study.config.study.seed, "variant": variant})
    check_maps(store.open_dataset(folder, name, chunked=True), CLASSIFIER_MAPS, f"{folder / name}")


def _differences(study: Study, fingerprint: str, progress: Progress) -> None:
    from salcompare.classifiers import write_class_differences

    trained, test, attribution = _shown_network(study)
    progress.say("  " + ", ".join(f"{y} - {z}" for y, z in difference_pairs(study)))
    write_class_differences(trained, test, pairs=difference_pairs(study), images_per_pair=IMAGES_PER_PAIR,
                            config=attribution, folder=study.processed, name="differences",
                            fingerprint=fingerprint, provenance={"seed": study.config.study.seed})


def _matrix(study: Study, fingerprint: str, progress: Progress) -> None:
    from salcompare.classifiers import write_class_matrix

    trained, test, attribution = _shown_network(study)
    write_class_matrix(trained, test, actors=shown_actors(study), config=attribution,
                       folder=study.processed, name="class_matrix", fingerprint=fingerprint, progress=progress,
                       provenance={"seed": study.config.study.seed})


def _shown_network(study: Study) -> tuple[TrainedClassifier, xr.DataArray, Attribution]:
    """Load the network that figures of one network show, open the test photographs, and say how it is explained."""
    from salcompare.classifiers import load_classifier

    classifier = study.config.classifier[0]
    photographs = study.photographs()
    return (load_classifier(study.classifier_folder(classifier), classifier.variants[-1]),
            photographs.sel(image=photographs.split == "test"), study.config.attribution_of(classifier))


RESPONSE_MAPS = "response_maps"
NOT_RATED = "The rules of quality judge boxes: they left nothing out here."


def precomputed_inputs(study: Study, path: str) -> dict[str, str]:
    """Hash a file, or every file of a folder that is not hidden; nothing where there is none, which its stage says."""
    from salcompare.sources import map_inputs

    return map_inputs(path, root=study.root)


def read_precomputed(study: Study, fingerprint: str, progress: Progress) -> None:
    """Read fixations, or people's ready-made maps, into data/processed."""
    table, left_out, notes = (_fixations(study) if study.people == "fixations" else _human_maps(study, fingerprint))
    store.write_json(study.processed / "responses.json", {"level": "image", "notes": [*notes, NOT_RATED]})
    store.write_table(study.processed / "responses_left_out.csv", left_out)
    store.write_table(study.processed / "responses.csv", table)
    progress.say(f"  {len(table)} {'fixations' if study.people == 'fixations' else 'maps'}")
    _say_left_out(left_out, progress)


def _fixations(study: Study) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    from salcompare.sources import read_fixations

    read = read_fixations(study.config.responses, root=study.root, size=study.config.study.size, **shown_images(study))
    check_table(read.table, FIXATIONS, study.config.responses.path)
    return read.table, read.left_out, read.notes


def _human_maps(study: Study, fingerprint: str) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    from salcompare.maps import precomputed_response_maps
    from salcompare.sources import read_precomputed_maps

    responses = study.config.responses
    read = read_precomputed_maps(responses.path, root=study.root, of="human", drop_invalid=responses.drop_invalid,
                                 **_frame(study, responses.pixels))
    check_table(read.table, MAP_FILES, responses.path)
    maps = precomputed_response_maps(read.values, read.table, study.images)
    store.write_dataset(maps.to_dataset(name=RESPONSE_MAPS), study.processed, RESPONSE_MAPS, fingerprint=fingerprint)
    return read.table, read.left_out, read.notes


def shown_images(study: Study) -> dict[str, Any]:
    """Give the images that responses may be to, and whether those to images that are not test images are set aside.

    Photographs that could not be aligned are among them, marked as such: people may have seen them.
    """
    from salcompare.faces import align_faces
    from salcompare.sources import NOT_ALIGNED

    images = study.images
    if not is_aligned(images):
        return {"images": images, "tested_only": study.compares}
    stored = store.open_dataset(study.processed, "landmarks")["landmarks"].load()
    missing = stored.isel(image=~stored["image"].isin(images["image"]).to_numpy())
    placed = align_faces(missing, study.config.images.align, size=study.config.study.size)
    without = missing.isel(image=~np.isfinite(placed.to_numpy()).all(axis=(1, 2)))
    aside = pd.DataFrame({name: without[name].to_numpy() for name in ("image", "actor", "height", "width")})
    tested = images if study.compares else images.assign(split="test")
    return {"images": pd.concat([tested, aside.assign(split=NOT_ALIGNED)], ignore_index=True), "tested_only": True}


def _frame(study: Study, pixels: str) -> dict[str, Any]:
    """Say what ready-made maps are of: the photographs, aligned or not, or the grid of aligned ones."""
    size, shown = study.config.study.size, shown_images(study)
    if not is_aligned(study.images):
        return {"size": size, **shown}
    if pixels == "grid":
        return {"size": size, **shown, "images": shown["images"].assign(height=size[0], width=size[1])}
    return {"size": size, **shown, "transforms": study.transforms()}


def average_precomputed(study: Study, fingerprint: str, progress: Progress) -> None:  # noqa: ARG001 - a stage's signature
    """Make people's map of each image: the mean of the maps of its trials, or of its ready-made maps."""
    from salcompare.maps import fixation_maps, mean_of_responses, sigma_in_pixels

    if study.people == "fixations":
        spread, pixels = study.config.fixations, study.config.responses.pixels
        sigma = sigma_in_pixels(spread.sigma, unit="degrees" if spread.unit == "degrees" else "pixels",
                                pixels_per_degree=spread.pixels_per_degree or None)
        trials = fixation_maps(study.responses, study.images, size=study.config.study.size, sigma=sigma,
                               sigma_of="grid" if pixels == "grid" else "image", chunked=True)
        store.write_dataset(trials.to_dataset(name=RESPONSE_MAPS), study.processed, RESPONSE_MAPS,
                            fingerprint=fingerprint)
    maps = store.open_dataset(study.processed, RESPONSE_MAPS)[RESPONSE_MAPS]
    human = mean_of_responses(maps)  # read an image at a time
    human.attrs |= _trust(study) | {"responses": "collected", "people": study.people,
                                    "n_images_without_responses": len(study.images) - human.sizes["image"]}
    check_maps(human, HUMAN_MAPS, "human maps")
    store.write_dataset(human, study.processed, "human", fingerprint=fingerprint)


def take_classifier_maps(study: Study, fingerprint: str, progress: Progress, *, precomputed: Precomputed) -> None:
    """Take a classifier's ready-made maps of the test images as they are, brought to the grid."""
    from salcompare.maps import precomputed_saliency
    from salcompare.sources import read_precomputed_maps

    read = read_precomputed_maps(precomputed.path, root=study.root, of="classifier",
                                 drop_invalid=precomputed.drop_invalid, **_frame(study, precomputed.pixels))
    maps = precomputed_saliency(read.values, read.table, study.images)
    check_maps(maps, CLASSIFIER_MAPS, precomputed.path)
    maps.attrs |= _trust(study) | {"method": precomputed.method, "variant": PRECOMPUTED}
    folder = study.classifier_folder(precomputed)
    store.write_table(folder / "left_out.csv", read.left_out)
    store.write_json(folder / "given.json", {**dataclasses.asdict(precomputed), "n_maps": len(read.table),
                                               "notes": list(read.notes)})
    store.write_dataset(maps, folder, f"{PRECOMPUTED}-{precomputed.method}", fingerprint=fingerprint)
    progress.say(f"  {counted(len(read.table), 'map')}")
    _say_left_out(read.left_out, progress)


def _trust(study: Study) -> dict[str, object]:
    """Say what a reader must know to trust a map, beside what it is made of."""
    return {"seed": study.config.study.seed, "versions": provenance.canonical_json(provenance.versions())}


def _say_left_out(left_out: pd.DataFrame, progress: Progress) -> None:
    from salcompare.sources import describe_left_out

    if len(left_out):
        progress.say(describe_left_out(left_out))

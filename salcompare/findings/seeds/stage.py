"""Stages of a classifier's further seeds: trained again, and its maps made again, each in a folder of its own."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from salcompare import provenance, store
from salcompare.config import Classifier
from salcompare.naming import seeded, source_of
from salcompare.progress import Progress
from salcompare.schema import CLASSIFIER_MAPS, check_maps
from salcompare.stages import Stage, attribution_settings, grid_settings
from salcompare.study import Study


def seed_stages(study: Study, weights_inputs: Mapping[str, Mapping[str, str]]) -> Iterator[Stage]:
    """Give the stages of every seed but the study's own; none where each classifier is trained once.

    ``weights_inputs`` are by classifier the hash of the file that its weights stand in.
    """
    for classifier in study.config.classifier:
        attribution = study.config.attribution_of(classifier)
        for place, seed in enumerate(study.seeds(classifier)[1:], 1):
            folder, train = study.seed_folder(classifier, seed), seeded(f"train {classifier.name}", place)
            yield Stage(train, ("photographs",), {"classifier": training_settings(classifier), **grid_settings(study)},
                        partial(_train, classifier=classifier, seed=seed), weights_inputs[classifier.name],
                        trained_files(folder, classifier), begun=partial(how_far_trained, folder=folder),
                        note=partial(other_threads, folder=folder, title=f"{classifier.name}, seed {place + 1},"))
            for variant in classifier.variants:
                maps = study.stage_of(source_of(classifier, variant, attribution.method))
                yield Stage(seeded(maps, place), (train, "photographs"),
                            {"attribution": attribution_settings(attribution)},
                            partial(_maps, classifier=classifier, variant=variant, seed=seed),
                            outputs=(folder / f"{variant}-{attribution.method}.json",))


def trained_files(folder: Path, classifier: Classifier) -> tuple[Path, ...]:
    """Name what one training leaves."""
    tables = ("training.csv", "accuracy.csv", "confusion.csv", "predictions.csv", "weights.csv", "summary.json",
              "trained.json")
    return tuple(folder / name for name in (*tables, *(f"{variant}.pt" for variant in classifier.variants)))


def how_far_trained(study: Study, *, folder: Path) -> str:  # noqa: ARG001 - a stage's signature
    """Say which iteration a training that was stopped had reached, as its checkpoint notes it."""
    notes = {path.name.split(".")[0]: provenance.note_of(path) for path in sorted(folder.glob("*.checkpoint.pt"))}
    return ", ".join(f"{variant} after iteration {note['iteration']} of {note['iterations']}"
                     for variant, note in notes.items() if note and {"iteration", "iterations"} <= set(note))


def once(classifier: Classifier) -> Classifier:
    """Leave out how often a classifier is trained, which changes nothing in any one training."""
    return dataclasses.replace(classifier, seeds=1)


def training_settings(classifier: Classifier) -> dict[str, object]:
    """Name what one training of a classifier depends on: neither how often it is trained nor how it is explained."""
    settings = dataclasses.asdict(once(classifier))
    del settings["methods"]
    return settings


def other_threads(study: Study, *, folder: Path, title: str) -> str:  # noqa: ARG001 - a note's signature
    """Say so where a network was trained with another number of threads than torch would use now."""
    path = folder / "summary.json"
    if not path.exists() or importlib.util.find_spec("torch") is None:
        return ""
    used = sorted({n for variant in store.read_json(path).values() for n in variant.get("threads", [])})
    if not used:
        return ""
    from salcompare.classifiers.execution import n_threads

    if used == [n_threads()]:
        return ""
    return (f"{title} was trained with {' and '.join(map(str, used))} {'threads' if used != [1] else 'thread'}, and "
            f"this run has {n_threads()}: trained anew, its weights may differ in their last digits")


def _train(study: Study, fingerprint: str, progress: Progress, *, classifier: Classifier, seed: int) -> None:  # noqa: ARG001
    from salcompare.classifiers import train_classifier

    train_classifier(study.photographs(), study.images, once(classifier), root=study.root,
                     folder=study.seed_folder(classifier, seed), seed=seed, progress=progress)


def _maps(study: Study, fingerprint: str, progress: Progress, *, classifier: Classifier, variant: str,
          seed: int) -> None:
    from salcompare.classifiers import load_classifier, write_classifier_maps

    folder, photographs = study.seed_folder(classifier, seed), study.photographs()
    test = photographs.sel(image=photographs.split == "test").load()
    attribution = study.config.attribution_of(classifier)
    name = f"{variant}-{attribution.method}"
    write_classifier_maps(load_classifier(folder, variant), test, config=attribution, folder=folder, name=name,
                          fingerprint=fingerprint, progress=progress, provenance={"seed": seed, "variant": variant})
    check_maps(store.open_dataset(folder, name), CLASSIFIER_MAPS, f"{folder / name}")

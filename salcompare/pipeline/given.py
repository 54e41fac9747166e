"""Stages of what is given instead of made: gaze and clicks, and ready-made maps of either side."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from salcompare import provenance, store
from salcompare.naming import PRECOMPUTED
from salcompare.printing import counted
from salcompare.schema import CLASSIFIER_MAPS, FIXATIONS, HUMAN_MAPS, MAP_FILES, check_maps, check_table

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    import xarray as xr

    from salcompare.config import Precomputed
    from salcompare.progress import Progress
    from salcompare.study import Study

RESPONSE_MAPS = "response_maps"
NOT_JUDGED = "The rules of quality judge boxes: they left nothing out here."


def given_inputs(study: Study, path: str) -> dict[str, str]:
    """Hash a file, or every file of a folder that is not hidden; nothing where there is none, which its stage says."""
    from salcompare.sources import map_inputs

    return map_inputs(path, root=study.root)


def read_given(study: Study, own: str, progress: Progress) -> None:
    """Read fixations, or people's ready-made maps, into data/processed."""
    made = _fixations(study) if study.people == "fixations" else _people_maps(study, own)
    table, left_out, notes = made
    store.write_json(study.processed / "responses.json", {"level": "image", "notes": [*notes, NOT_JUDGED]})
    store.write_table(study.processed / "responses_left_out.csv", left_out)
    store.write_table(study.processed / "responses.csv", table)
    progress.say(f"  {len(table)} {'fixations' if study.people == 'fixations' else 'maps'}")
    _say_left_out(left_out, progress)


def _fixations(study: Study) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    from salcompare.sources import read_fixations

    read = read_fixations(study.config.responses, root=study.root, images=study.images, size=study.config.study.size,
                          tested_only=study.compares)
    check_table(read.table, FIXATIONS, study.config.responses.path)
    return read.table, read.left_out, read.notes


def _people_maps(study: Study, own: str) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    from salcompare.maps import precomputed_response_maps
    from salcompare.sources import read_precomputed_maps

    responses = study.config.responses
    read = read_precomputed_maps(responses.path, root=study.root, images=study.images, size=study.config.study.size,
                           of="human", tested_only=study.compares, drop_invalid=responses.drop_invalid)
    check_table(read.table, MAP_FILES, responses.path)
    maps = precomputed_response_maps(read.values, read.table, study.images)
    store.write_dataset(maps.to_dataset(name=RESPONSE_MAPS), study.processed, RESPONSE_MAPS, fingerprint=own)
    return read.table, read.left_out, read.notes


def average_given(study: Study, own: str, progress: Progress) -> None:  # noqa: ARG001 - a stage's signature
    """Make people's map of each image: the mean of the maps of its trials, or of its ready-made maps."""
    from salcompare.maps import mean_of_responses

    if study.people == "fixations":
        store.write_dataset(_spread(study).to_dataset(name=RESPONSE_MAPS), study.processed, RESPONSE_MAPS,
                            fingerprint=own)
    maps = store.open_dataset(study.processed, RESPONSE_MAPS)[RESPONSE_MAPS]
    human = mean_of_responses(maps)  # read an image at a time
    human.attrs |= _trust(study) | {"responses": "collected", "people": study.people,
                                    "n_images_without_responses": len(study.images) - human.sizes["image"]}
    check_maps(human, HUMAN_MAPS, "human maps")
    store.write_dataset(human, study.processed, "human", fingerprint=own)


def _spread(study: Study) -> xr.DataArray:
    from salcompare.maps import fixation_maps, sigma_in_pixels

    spread, pixels = study.config.fixations, study.config.responses.pixels
    sigma = sigma_in_pixels(spread.sigma, unit="degrees" if spread.unit == "degrees" else "pixels",
                            pixels_per_degree=spread.pixels_per_degree or None)
    return fixation_maps(study.responses, study.images, size=study.config.study.size, sigma=sigma,
                         sigma_of="grid" if pixels == "grid" else "image", chunked=True)


def take_classifier_maps(study: Study, own: str, progress: Progress, *, given: Precomputed) -> None:
    """Take a classifier's ready-made maps of the test images as they are, brought to the grid."""
    from salcompare.maps import precomputed_saliency
    from salcompare.sources import read_precomputed_maps

    read = read_precomputed_maps(given.path, root=study.root, images=study.images, size=study.config.study.size,
                           of="classifier", drop_invalid=given.drop_invalid)
    maps = precomputed_saliency(read.values, read.table, study.images)
    check_maps(maps, CLASSIFIER_MAPS, given.path)
    maps.attrs |= _trust(study) | {"method": given.method, "variant": PRECOMPUTED}
    folder = study.classifier_folder(given)
    store.write_table(folder / "left_out.csv", read.left_out)
    store.write_json(folder / "given.json", {**dataclasses.asdict(given), "n_maps": len(read.table),
                                               "notes": list(read.notes)})
    store.write_dataset(maps, folder, f"{PRECOMPUTED}-{given.method}", fingerprint=own)
    progress.say(f"  {counted(len(read.table), 'map')}")
    _say_left_out(read.left_out, progress)


def given_outputs(study: Study, given: Precomputed) -> tuple[Path, ...]:
    """Name the files that a classifier's ready-made maps are kept in."""
    folder = study.classifier_folder(given)
    return folder / f"{PRECOMPUTED}-{given.method}.json", folder / "left_out.csv", folder / "given.json"


def _trust(study: Study) -> dict[str, object]:
    """Say what a reader must know to trust a map, beside what it is made of."""
    return {"seed": study.config.study.seed, "versions": provenance.canonical_json(provenance.versions())}


def _say_left_out(left_out: pd.DataFrame, progress: Progress) -> None:
    from salcompare.sources import describe_left_out

    if len(left_out):
        progress.say(describe_left_out(left_out))

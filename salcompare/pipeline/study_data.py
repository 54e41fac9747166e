"""A study's data by name, from what the stages have made; each finding adds what is its."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any

from salcompare import provenance, store
from salcompare.errors import InputError, Problem, meant
from salcompare.findings import findings
from salcompare.maps.alignment import is_aligned, upright_boxes
from salcompare.naming import main_source, natural_key
from salcompare.pipeline.frozen import standing
from salcompare.stages import hashed
from salcompare.study import GIVEN
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pandas as pd
    import xarray as xr

    from salcompare.findings.comparison.studies import OneStudy
    from salcompare.planning.pilot import Pilot
    from salcompare.study import Study


_OF_CLASSIFIER = ("variant", "split", "image", "actor", "predicted", "layer", "kind")  # its tables' columns of text


def study_data(study: Study) -> StudyData:
    """Give the study's data; each part is read when it is first used."""
    loaders = {**_LOADERS, **{name: load for part in _parts() for name, load in part.INPUTS.items()}}
    return StudyData({name: partial(load, study) for name, load in loaders.items()})


def finding_files(study: Study) -> dict[str, str]:
    """Hash the raw files that findings read by themselves, by name; the statistics are made again where one changes."""
    return hashed(study, [name for part in _parts() for name in getattr(part, "FILES", lambda _: [])(study)])


def _parts() -> list[Any]:
    return [part for finding in findings() if (part := finding.part("inputs"))]


def shown_actors(study: Study) -> tuple[str, ...]:
    """Actors that the figures show: those that study.toml names, or the first six.

    InputError if one is named that the catalogue does not have, or twice.
    """
    known = sorted(study.images["actor"].unique(), key=natural_key)
    named = study.config.report.actors
    problems = [Problem("study.toml [report] actors", repr(name), "one of " + ", ".join(known[:40]), meant(name, known))
                for name in named if name not in known]
    problems += [Problem("study.toml [report] actors", f"{name!r} is listed twice", "each actor once")
                 for name in sorted({name for name in named if named.count(name) > 1})]
    if problems:
        raise InputError(problems)
    return named or tuple(known[:6])


def _image_level(study: Study) -> bool:
    return study.people != "none" and study.response_meta["level"] == "image"


def _response_maps(study: Study) -> xr.DataArray | None:
    """Give maps of single responses, where people's side has no boxes and says whose each is."""
    if study.people not in GIVEN:
        return None
    maps = study.response_maps()
    return maps if bool((maps["worker"] != "").all()) else None


def _nulls(study: Study) -> pd.DataFrame:
    text = ("statistic", "metric", "form", "source")
    return store.read_csv(study.processed / "nulls.csv", text=text).fillna(dict.fromkeys(text, ""))


def credit(study: Study) -> str:
    """Who the photographs are owed to."""
    if study.config.images.source == "orl":
        from salcompare.sources import ORL_CREDIT

        return ORL_CREDIT
    if study.config.images.source == "facescrub":
        return "Photographs: FaceScrub; Ng & Winkler (2014), doi:10.1109/ICIP.2014.7025068."
    return ""


def _notes(study: Study) -> tuple[str, ...]:
    from salcompare.sources import ORL_NOTE

    source = (ORL_NOTE,) if study.config.images.source == "orl" else ()
    maps = (f"{name}: {note}" for name, facts in _precomputed_maps(study).items() for note in facts["notes"])
    faces: tuple[str, ...] = ()
    if study.config.landmarks.source != "none":
        from salcompare.faces.schemes import described_faces

        lines = described_faces(store.open_dataset(study.processed, "landmarks")["landmarks"])
        faces = (". ".join(line[:1].upper() + line[1:] for line in lines) + ".",)
    return (*_meta(study).get("notes", ()), *source, *faces, *maps)


def _meta(study: Study) -> Mapping[str, Any]:
    return study.response_meta if study.config.responses.source != "none" else {}


def _left_out(study: Study, *, of: str) -> pd.DataFrame:
    return _read_csv(study.processed / f"{of}_left_out.csv")


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    return store.read_csv(path).fillna("") if path.exists() else pd.DataFrame()


def _classifiers(study: Study) -> dict[str, dict[str, Any]]:
    """Each classifier's tables and its summary, by name."""
    tables: dict[str, dict[str, Any]] = {}
    for classifier in study.config.classifier:
        folder = study.classifier_folder(classifier)
        tables[classifier.name] = {name: store.read_csv(folder / f"{name}.csv", text=_OF_CLASSIFIER) for name in (
            "accuracy", "confusion", "training", "weights")} | {"summary": store.read_json(folder / "summary.json")}
    return tables


def _precomputed_maps(study: Study) -> dict[str, dict[str, Any]]:
    """Gather what is known of each classifier's ready-made maps, by name."""
    folders = {precomputed.name: study.classifier_folder(precomputed) for precomputed in study.config.precomputed}
    return {name: {**store.read_json(folder / "given.json"), "left_out": _read_csv(folder / "left_out.csv")}
            for name, folder in folders.items()}


_LOADERS: dict[str, Callable[[Study], Any]] = {
    "photographs": lambda study: study.photographs(),
    "images": lambda study: study.images,
    "responses": lambda study: study.responses if study.people == "boxes" else None,
    "human": lambda study: study.human_maps() if _image_level(study) else None,
    "human_heatmap": lambda study: None if study.people == "none" or _image_level(study) else store.open_dataset(
        study.processed, "human")["coverage"],
    "response_maps": _response_maps,
    "annotations": lambda study: study.responses if study.people in GIVEN else None,
    "classifier_maps": lambda study: {source: study.maps_of(source) for source in study.sources},
    "heatmaps": lambda study: study.heatmaps().load(),
    "estimates": lambda study: study.estimates,
    "nulls": _nulls,
    "simulated": lambda study: study.simulated,
    "title": lambda study: study.config.study.name,
    "credit": credit,
    "actors": shown_actors,
    "mask_share": lambda study: study.config.maps.mask_share,
    "human_share": lambda study: study.config.maps.human_share,
    "classifiers": _classifiers,
    "precomputed_maps": _precomputed_maps,
    "settings": lambda study: dataclasses.asdict(study.config),
    "provenance": lambda study: {
        "inputs": {name: sha for stage in study.stages() for name, sha in stage.inputs.items()},
        "versions": provenance.versions(), "seed": study.config.study.seed,
        "settings_fingerprint": provenance.fingerprint(study.config)},
    "truth": lambda study: _meta(study).get("truth"),
    "images_left_out": partial(_left_out, of="images"),
    "responses_left_out": partial(_left_out, of="responses"),
    "notes": _notes,
    "plan": standing,
}
"""What every study has, by name."""


def compared_study(study: Study) -> OneStudy:
    """Give what is compared of a study; `StaleError` where its statistics are not made."""
    from salcompare.findings.comparison.studies import OneStudy

    estimates = study.estimates
    images = study.images[study.images["split"] == "test"] if study.compares else study.images
    responses = study.responses if study.people != "none" else None
    return OneStudy(study.config.study.name, study.config, images, responses, estimates, study.people,
                    main_source(study.sources))


def study_pilot(study: Study, *, classifier: bool) -> Pilot:
    """Estimate what to plan another study from, from a study and (if asked for) its first classifier's maps.

    `InputError` if the study has no responses that name images, something is missing or stale, or it is too small.
    """
    from salcompare.planning.pilot import fit_pilot

    if study.people != "boxes":
        raise InputError(Problem("pilot study", "no boxes", "boxes that name images", "see [responses]"))
    study.human_maps()  # refuses responses that name no image
    saliency = study.classifier_maps()["saliency"] if classifier and study.config.classifier else None
    responses, images = study.responses, study.images
    if is_aligned(images):
        responses, images = upright_boxes(responses, images, size=study.config.study.size)
    return fit_pilot(responses, images, saliency, seed=study.config.study.seed,
                     name=study.config.study.name)

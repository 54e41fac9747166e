"""Stages that read photographs and responses: the catalogue, people's maps, and which responses stay out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from salcompare import provenance, store
from salcompare.errors import InputError, Problem, StaleError
from salcompare.findings.quality.inputs import TABLES
from salcompare.pipeline.classifiers import (
    average_precomputed,
    precomputed_inputs,
    read_precomputed,
    shown_images,
)
from salcompare.printing import counted
from salcompare.progress import Progress
from salcompare.schema import HUMAN_MAPS, IMAGES, RESPONSES, check_maps, check_table
from salcompare.stages import Stage, grid_settings, hashed, kept_from_last_run, response_kind
from salcompare.study import Study
from salcompare.study_data import StudyData

if TYPE_CHECKING:
    import xarray as xr

    from salcompare.sources.datasets import Candidate

OUTCOMES = "outcomes.csv"
LANDMARKS = "landmarks"


def landmark_stages(study: Study) -> list[Stage]:
    """List the stage of landmarks, of all photographs that can be read; none where study.toml names no source."""
    from salcompare.sources import map_inputs, photograph_inputs

    config = study.config
    if config.landmarks.source == "none":
        return []
    of = {name: getattr(config.images, name) for name in ("source", "path", "list")}
    inputs = photograph_inputs(dataclasses.replace(config.images, groups="", shoots=""), root=study.root)
    if config.landmarks.path:
        inputs |= map_inputs(config.landmarks.path, root=study.root)
    source = {name: getattr(config.landmarks, name) for name in ("source", "path")}
    return [Stage("landmarks", (), {"landmarks": source, "images": of}, _landmarks, inputs,
                  (study.processed / "landmarks.json",))]


def _landmarks(study: Study, fingerprint: str, progress: Progress) -> None:
    from salcompare.faces import orl_landmarks_of
    from salcompare.faces.schemes import described_faces
    from salcompare.sources import read_landmarks, survey_photographs

    config = study.config.landmarks
    images, files = survey_photographs(study.config.images, root=study.root, progress=progress)
    if config.source == "file":
        landmarks = read_landmarks(study.root / config.path, images, shown=config.path)
    elif config.source == "orl":
        landmarks = orl_landmarks_of(images)
    else:
        landmarks = _detected(study, images, files, progress)
    about = {name: ("image", images[name].to_numpy()) for name in ("actor", "height", "width")}
    store.write_dataset(landmarks.assign_coords(about).to_dataset(), study.processed, LANDMARKS,
                        fingerprint=fingerprint)
    for line in described_faces(landmarks):
        progress.say(f"  {line}")


def _detected(study: Study, images: pd.DataFrame, files: Mapping[str, Candidate], progress: Progress) -> xr.DataArray:
    from salcompare.faces.detection import detect_landmarks, open_detector
    from salcompare.sources import read_photograph

    model, journal = study.config.landmarks.path, study.processed / "landmarks.unfinished"
    with open_detector(study.root / model if model else None) as detector:
        landmarks = detect_landmarks(images, lambda image: read_photograph(files[image].path, box=files[image].box),
                                     detector, journal=journal, progress=progress)
    journal.unlink()
    return landmarks


def attribute_stages(study: Study) -> list[Stage]:
    """List the stage of what is measured of photographs, or listed of them; none where study.toml names neither."""
    landmarks = study.config.landmarks
    if not landmarks.known:
        return []
    requires = ("photographs", *(() if landmarks.source == "none" else ("landmarks",)))
    return [Stage("attributes", requires, {"attributes": landmarks.attributes}, _attributes,
                  hashed(study, [landmarks.attributes] if landmarks.attributes else []),
                  (study.processed / "attributes.csv",))]


def _attributes(study: Study, fingerprint: str, progress: Progress) -> None:  # noqa: ARG001 - a stage's signature
    from salcompare.faces import face_attributes, picture_attributes
    from salcompare.sources import read_attributes

    images, name, measured = study.images["image"], study.config.landmarks.attributes, []
    if study.config.landmarks.source != "none":
        measured.append(face_attributes(study.landmarks()))
    measured.append(picture_attributes(study.photographs()))
    table = pd.concat([images, *(part.to_dataframe().reset_index(drop=True) for part in measured)], axis=1)
    for part in measured:
        for column, values in part.items():
            if values.attrs.get("n_undefined"):
                progress.say(f"  {column}: undefined for {counted(values.attrs['n_undefined'], 'photograph')} "
                             f"({values.attrs['reason']})")
    if name:
        known = shown_images(study)["images"]
        listed = read_attributes(study.root / name, known, shown=name)
        table = pd.concat([table, listed[known["image"].isin(images).to_numpy()].reset_index(drop=True)], axis=1)
    store.write_table(study.processed / "attributes.csv", table)


def photograph_stage(study: Study) -> Stage:
    """Make the stage that every other one rests on."""
    from salcompare.sources import photograph_inputs

    requires = () if study.config.images.align == "none" else ("landmarks",)
    return Stage("photographs", requires, _photograph_settings(study), _photographs,
                 photograph_inputs(study.config.images, root=study.root),
                 (study.processed / "images.csv", study.processed / "images_left_out.csv",
                  study.processed / "photographs.json"))


def _photograph_settings(study: Study) -> dict[str, object]:
    usual = {"shoots": "", "align": "none"}  # networks of before these are kept
    images = {name: value for name, value in asdict(study.config.images).items() if usual.get(name) != value}
    return {"images": images, **grid_settings(study)} | _needed_splits(study)


def _needed_splits(study: Study) -> dict[str, tuple[str, ...]]:
    """Name the splits that each actor must have an image in, where nothing is trained."""
    return {} if study.config.classifier else {"needed": ("test",)}


def _photographs(study: Study, fingerprint: str, progress: Progress) -> None:
    from salcompare.faces import align_faces
    from salcompare.maps.alignment import similarity_columns
    from salcompare.sources import describe_left_out, gather_photographs

    config, catalogue = study.config, study.processed / "images.csv"
    # A split is never redrawn silently: while its settings stand, images keep theirs when others come or go.
    keep = kept_from_last_run(study, "photographs", _photograph_settings(study), catalogue)
    previous = store.read_table(catalogue, IMAGES) if keep else None
    size, transforms = config.study.size, None
    if config.images.align != "none":
        landmarks = store.open_dataset(study.processed, LANDMARKS)[LANDMARKS].load()
        transforms = align_faces(landmarks, config.images.align, size=size)
    gathered = gather_photographs(config.images, root=study.root, size=size, seed=config.study.seed, previous=previous,
                                  transforms=transforms, progress=progress, **_needed_splits(study))
    images = gathered.images
    if transforms is not None:
        shown = transforms.sel(image=images["image"].to_numpy())
        images = images.assign(**similarity_columns(shown.to_numpy(), width=size[1]))
    check_table(images, IMAGES, "images")
    store.write_dataset(gathered.pixels.to_dataset(name="photographs"), study.processed, "photographs",
                        fingerprint=fingerprint)
    store.write_table(study.processed / "images_left_out.csv", gathered.left_out)
    store.write_table(catalogue, images)
    progress.say(f"  {counted(len(images), 'image')} of {counted(images['actor'].nunique(), 'actor')}")
    if len(gathered.left_out):
        progress.say(describe_left_out(gathered.left_out))


def human_stages(study: Study) -> list[Stage]:
    """List the stages of boxes, gaze or ready-made maps; none where the study has no people's side."""
    config, grid, processed = study.config, grid_settings(study), study.processed
    if study.people == "none":
        return []
    tables = (processed / "responses.csv", processed / "responses.json")
    maps, stacked = (processed / "human.json",), (processed / "response_maps.json",)
    tested = {"tested_only": study.compares}  # a classifier that comes or goes changes which responses count
    left_out = (processed / "responses_left_out.csv",)
    if study.people != "boxes":
        spread = {"fixations": config.fixations} if study.people == "fixations" else {}
        return [Stage("responses", ("photographs",), {"responses": config.responses, **tested, **grid},
                      read_precomputed, precomputed_inputs(study, config.responses.path),
                      tables + left_out + (() if spread else stacked)),
                Stage("human maps", ("responses", "photographs"), {**spread, **grid}, average_precomputed,
                      outputs=maps + (stacked if spread else ()))]
    simulation = {"simulation": config.simulation} if study.simulated else {}
    return [Stage("responses", ("photographs",),
                  {"responses": config.responses, "labels": config.labels, **tested, **simulation, **grid}, _responses,
                  _response_inputs(study), (*tables, processed / "checks.csv"), extras=left_out, version=3),
            Stage("quality", ("responses", "photographs"), {"quality": config.quality, **grid}, rate_quality,
                  outputs=tuple(processed / f"{name}.csv" for name in ("responses_kept", *TABLES))),
            Stage("human maps", ("quality", "photographs"), grid, _human_maps, outputs=maps)]


def _response_inputs(study: Study) -> dict[str, str]:
    if study.config.responses.source == "simulated":
        return {}
    named = [name for name in (study.config.responses.path, study.config.responses.checks) if name]
    if study.config.responses.source == "collect":
        from salcompare.sources.collected import collected_path, collected_sha256

        path = collected_path(study.config.responses.path)
        # The rows count, not the file, which changes whenever the server starts.
        hashes = {path: collected_sha256(study.root / path, shown=path)} if (study.root / path).is_file() else {}
        return hashes | hashed(study, named[1:])
    return hashed(study, named)


def _responses(study: Study, fingerprint: str, progress: Progress) -> None:  # noqa: ARG001 - a stage's signature
    from salcompare.simulation import simulate_checks, simulate_responses
    from salcompare.sources import describe_left_out, read_responses

    config = study.config
    (study.processed / "responses_left_out.csv").unlink(missing_ok=True)  # of a file that was read before
    if study.simulated:
        test = study.images[study.images["split"] == "test"]
        simulated = simulate_responses(test, config.simulation, seed=config.study.seed)
        table, checks = simulated.table, simulate_checks(test, config.simulation, seed=config.study.seed)
        meta = {"level": "image", "notes": [], "truth": simulated.truth}
    else:
        read = read_responses(config.responses, config.labels, root=study.root, size=config.study.size,
                              **shown_images(study))
        table, meta = read.table, {"level": read.level, "notes": list(read.notes)}
        checks = read_checks(study)
        store.write_table(study.processed / "responses_left_out.csv", read.left_out)
        if len(read.left_out):
            progress.say(f"{describe_left_out(read.left_out)}; see {study.processed / 'responses_left_out.csv'}")
    if meta["level"] == "image":
        check_table(table, RESPONSES, config.responses.path)
    store.write_json(study.processed / "responses.json", meta)
    store.write_table(study.processed / "checks.csv", checks)
    store.write_table(study.processed / "responses.csv", table)
    progress.say(f"  {counted(len(table), 'response')}")


def _human_maps(study: Study, fingerprint: str, progress: Progress) -> None:  # noqa: ARG001 - a stage's signature
    from salcompare.maps import rasterise_actor_boxes, rasterise_boxes

    size = study.config.study.size
    if study.response_meta["level"] == "image":
        table = provenance.sha256_of_file(study.processed / "responses_kept.csv")
        maps = rasterise_boxes(study.responses, study.images, size=size, inputs_sha256=table)
        check_maps(maps, HUMAN_MAPS, "human maps")
        maps.attrs |= {"responses": response_kind(study), "seed": study.config.study.seed,
                       "versions": provenance.canonical_json(provenance.versions())}
    else:
        maps = rasterise_actor_boxes(study.responses, size=size).to_dataset(name="coverage")
    store.write_dataset(maps, study.processed, "human", fingerprint=fingerprint)


def rate_quality(study: Study, fingerprint: str, progress: Progress) -> None:  # noqa: ARG001 - a stage's signature
    """Apply the rules of quality, log what they take out, and write the responses that are kept."""
    from salcompare.sources import quality

    responses, checks, meta = study.responses_read, study.checks, study.response_meta
    if meta["level"] in quality.BOX_LEVELS:
        rated = quality.judge_responses(responses, study.images, checks, study.config.quality,
                                         size=study.config.study.size)
    else:
        rated = quality.keep_all(responses, checks, "not responses with boxes")
    if len(responses) and rated.kept.empty:
        raise InputError(Problem("study.toml [quality]", f"all {len(responses)} responses are left out",
                                 "rules that keep some", f"the rules took out: {quality.counted(rated.rules)}"))
    workers = quality.summarise_workers(responses, rated.kept, rated.log, rated.checks)
    tables = {"exclusions": rated.log, "quality_rules": rated.rules, "quality_checks": rated.checks,
              "quality_workers": workers,
              "quality_images": quality.summarise_images(responses, rated.kept, study.images),
              "quality_planted": quality.compare_planted(workers, (meta.get("truth") or {}).get("careless", {}))}
    store.write_table(study.processed / "responses_kept.csv", rated.kept)  # whose origin says what they are
    for name, table in tables.items():
        store.write_table(study.processed / f"{name}.csv", table.assign(responses=response_kind(study)))
    out = len(responses) - len(rated.kept)
    progress.say(f"  {out} of {len(responses)} responses left out" + (f": {quality.counted(rated.rules)}; see "
                 f"{study.processed / 'exclusions.csv'}" if out else ""))


def read_checks(study: Study) -> pd.DataFrame:
    """Answers to instructed checks; none where study.toml names no file of them."""
    import pandas as pd

    from salcompare.sources import quality
    from salcompare.sources.collected import collected_check_cells, collected_path

    name = study.config.responses.checks
    if study.config.responses.source == "collect" and not name:
        path = collected_path(study.config.responses.path)
        cells = collected_check_cells(study.root / path, shown=path)
        return quality.checks_in(cells, study.config.labels, shown=path)
    return quality.read_checks(study.root / name, study.config.labels) if name else pd.DataFrame(
        columns=list(quality.CHECKS))


def write_headlines(study: Study, data: StudyData, estimates: pd.DataFrame, progress: Progress) -> None:
    """Write each headline number with and without exclusions; without any, both are the same."""
    from salcompare.findings.quality.estimates import compare_headlines, headline_estimates

    if data.responses is None:
        (study.processed / "headlines.csv").unlink(missing_ok=True)  # of responses that were there before
        return
    whole = estimates
    if len(study.responses_read) > len(data.responses):
        progress.say("  headline numbers without exclusions")
        whole = headline_estimates(_with_all(study, data), maps=study.config.maps, statistics=study.config.statistics,
                                   seed=study.config.study.seed)
    table = compare_headlines(estimates, whole, data.main)
    store.write_table(study.processed / "headlines.csv", table.assign(responses=response_kind(study)))


def _with_all(study: Study, data: StudyData) -> StudyData:
    """Put all responses that were read in the place of those that are kept."""
    from salcompare.maps import rasterise_actor_boxes, rasterise_boxes

    size, responses = study.config.study.size, study.responses_read
    if data.human is not None:
        return data.replace(responses=responses, human=rasterise_boxes(responses, study.images, size=size))
    if data.human_heatmap is not None:
        return data.replace(responses=responses, human_heatmap=rasterise_actor_boxes(responses, size=size))
    return data.replace(responses=responses)


def write_outcomes(study: Study, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write a study's boxes as a table of outcomes, and the R calls of crossed mixed models; gives both paths.

    The overlap with the masks of its first classifier is among the outcomes where its maps are made. `InputError` if
    the study's people drew no boxes, or a file stands in the folder already and may not be written over.
    """
    from salcompare.maps import top_mask
    from salcompare.statistics.mixed import lme4_script, outcome_table

    if study.people != "boxes":
        raise InputError(Problem("responses", f"people's side is {study.people}", "boxes, whose outcomes are modelled"))
    paths = [folder / OUTCOMES, folder / "lme4.R"]
    store.free_paths(paths, overwrite=overwrite)
    try:
        maps = study.classifier_maps()["saliency"] if study.sources else None
    except StaleError:
        maps = None
    masks = None if maps is None else top_mask(maps, share=study.config.maps.mask_share)
    table = outcome_table(study.responses, study.images, masks=masks)
    folder.mkdir(parents=True, exist_ok=True)
    store.write_table(paths[0], table)
    store.write_text(paths[1], lme4_script(table, OUTCOMES))
    return paths

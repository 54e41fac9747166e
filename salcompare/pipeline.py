"""The pipeline of a study: its stages in order, each wired to the functions that do its work.

Only this module knows both where a study keeps its files and which function makes them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from salcompare import provenance, store
from salcompare.errors import InputError, Problem
from salcompare.exclusions import judge_quality, read_checks, write_headlines
from salcompare.given import (
    average_given,
    given_inputs,
    given_outputs,
    maps_of_workers,
    read_given,
    take_classifier_maps,
)
from salcompare.presentation import difference_pairs, write_report
from salcompare.schema import CLASSIFIER_MAPS, HUMAN_MAPS, IMAGES, RESPONSES, check_maps, check_table
from salcompare.stages import Stage, same_settings

if TYPE_CHECKING:

    import pandas as pd
    import xarray as xr

    from salcompare.config import Classifier
    from salcompare.planning.pilot import Pilot
    from salcompare.progress import Progress
    from salcompare.study import Study

IMAGES_PER_PAIR = 2  # test images a saliency difference is computed for


def stages(study: Study) -> list[Stage]:
    """List the stages of a study in running order."""
    config, seed, grid = study.config, study.config.study.seed, _grid(study)
    found = [
        Stage("photographs", (), _photograph_settings(study), _photographs, _photograph_inputs(study),
              (study.processed / "images.csv", study.processed / "photographs.json")),
        *_people_stages(study),
    ]
    for classifier in config.classifier:
        folder = study.classifier_folder(classifier)
        found.append(Stage(f"train {classifier.name}", ("photographs",), {"classifier": classifier, **grid},
                           partial(_train, classifier=classifier), _weights_inputs(study, classifier),
                           (folder / "accuracy.csv",)))
    for classifier, variant in study.variants:
        folder = study.classifier_folder(classifier)
        found.append(Stage(f"maps {classifier.name}/{variant}", (f"train {classifier.name}", "photographs"),
                           {"attribution": config.attribution}, partial(_maps, classifier=classifier, variant=variant),
                           outputs=(folder / f"{variant}-{config.attribution.method}.json",)))
    found += [Stage(f"maps {given.name}", ("photographs",), {"precomputed": given, **grid},
                    partial(take_classifier_maps, given=given), given_inputs(study, given.path),
                    given_outputs(study, given)) for given in config.precomputed]
    made = tuple(stage.name for stage in found)
    if config.classifier:
        found.append(Stage("saliency differences", (f"train {config.classifier[0].name}", "photographs"),
                           {"attribution": config.attribution, "differences": config.report.differences,
                            "actors": config.report.actors}, _differences,
                           outputs=(study.processed / "differences.json",)))
    shown = tuple(stage.name for stage in found)
    found += [
        Stage("statistics", made, {"maps": config.maps, "statistics": config.statistics, "seed": seed}, _statistics,
              outputs=(study.processed / "estimates.csv", study.processed / "heatmaps.json")),
        Stage("report", (*shown, "statistics"), {"report": config.report, "name": config.study.name}, write_report,
              outputs=(study.reports / "report.html", study.reports / "report.json", study.reports / "figures")),
    ]
    return found


def _people_stages(study: Study) -> list[Stage]:
    config, grid, processed = study.config, _grid(study), study.processed
    if study.people == "none":
        return []
    tables = (processed / "responses.csv", processed / "responses.json")
    maps, stacked = (processed / "human.json",), (processed / "response_maps.json",)
    if study.people != "boxes":
        spread = {"fixations": config.fixations} if study.people == "fixations" else {}
        return [Stage("responses", ("photographs",), {"responses": config.responses, **grid}, read_given,
                      given_inputs(study, config.responses.path), tables + (() if spread else stacked)),
                Stage("human maps", ("responses", "photographs"), {**spread, **grid}, average_given,
                      outputs=maps + stacked)]
    simulation = {"simulation": config.simulation} if study.simulated else {}
    return [Stage("responses", ("photographs",),
                  {"responses": config.responses, "labels": config.labels, **simulation, **grid}, _responses,
                  _response_inputs(study), (*tables, processed / "checks.csv")),
            Stage("quality", ("responses", "photographs"), {"quality": config.quality, **grid}, judge_quality,
                  outputs=(processed / "responses_kept.csv", processed / "exclusions.csv")),
            Stage("human maps", ("quality", "photographs"), grid, _human_maps, outputs=maps)]


def _photograph_settings(study: Study) -> dict[str, object]:
    return {"images": study.config.images, **_grid(study)} | _needed_splits(study)


def _needed_splits(study: Study) -> dict[str, tuple[str, ...]]:
    """Name the splits that each actor must have an image in, where nothing is trained on ready-made maps' images."""
    return {"needed": ("test",)} if study.config.precomputed and not study.config.classifier else {}


def _grid(study: Study) -> dict[str, object]:
    return {"size": study.config.study.size, "seed": study.config.study.seed}


def _photograph_inputs(study: Study) -> dict[str, str]:
    from salcompare.sources import photograph_inputs

    return photograph_inputs(study.config.images, root=study.root)


def _response_inputs(study: Study) -> dict[str, str]:
    if study.config.responses.source == "simulated":
        return {}
    named = [name for name in (study.config.responses.path, study.config.responses.checks) if name]
    if study.config.responses.source == "collect":
        from salcompare.sources.collected import collected_path, collected_sha256

        path = collected_path(study.config.responses.path)
        # The rows count, not the file, which changes whenever the server starts.
        found = {path: collected_sha256(study.root / path, shown=path)} if (study.root / path).is_file() else {}
        return found | _hashed(study, named[1:])
    return _hashed(study, named)


def _hashed(study: Study, named: list[str]) -> dict[str, str]:
    return {name: provenance.sha256_of_file(study.root / name) for name in named if (study.root / name).is_file()}


def _weights_inputs(study: Study, classifier: Classifier) -> dict[str, str]:
    module, is_own, _ = classifier.backbone.partition(":")
    own = _hashed(study, [f"{module.replace('.', '/')}.py"] if is_own else [])
    if classifier.weights in ("imagenet", "installed", "none"):
        return own
    path = study.root / classifier.weights
    if not path.is_file():
        raise InputError(Problem(f"study.toml [[classifier]] {classifier.name} weights", f"no file {path}",
                                 "imagenet, installed, none, or a file of weights"))
    return {**own, classifier.weights: provenance.sha256_of_file(path)}


def _photographs(study: Study, own: str, progress: Progress) -> None:
    from salcompare.sources import describe_left_out, gather_photographs

    config, catalogue = study.config, study.processed / "images.csv"
    # A split is never redrawn silently: while its settings stand, images keep theirs when others come or go.
    keep = catalogue.exists() and same_settings(study, "photographs", _photograph_settings(study))
    previous = store.read_table(catalogue, IMAGES) if keep else None
    found = gather_photographs(config.images, root=study.root, size=config.study.size, seed=config.study.seed,
                               previous=previous, progress=progress, **_needed_splits(study))
    check_table(found.images, IMAGES, "images")
    store.write_dataset(found.pixels.to_dataset(name="photographs"), study.processed, "photographs", fingerprint=own)
    store.write_table(study.processed / "images_left_out.csv", found.left_out)
    store.write_table(catalogue, found.images)
    progress.say(f"  {len(found.images)} images of {found.images['actor'].nunique()} actors")
    if len(found.left_out):
        progress.say(describe_left_out(found.left_out))


def _responses(study: Study, own: str, progress: Progress) -> None:  # noqa: ARG001 - a stage's signature
    from salcompare.simulation import simulate_checks, simulate_responses
    from salcompare.sources import read_responses

    config = study.config
    (study.processed / "responses_left_out.csv").unlink(missing_ok=True)  # of a file that was read before
    if study.simulated:
        test = study.images[study.images["split"] == "test"]
        simulated = simulate_responses(test, config.simulation, seed=config.study.seed)
        table, checks = simulated.table, simulate_checks(test, config.simulation, seed=config.study.seed)
        meta = {"level": "image", "notes": [], "truth": simulated.truth}
    else:
        read = read_responses(config.responses, config.labels, root=study.root, images=study.images,
                              size=config.study.size)
        table, meta = read.table, {"level": read.level, "notes": list(read.notes)}
        checks = read_checks(study)
        store.write_table(study.processed / "responses_left_out.csv", read.left_out)
        if len(read.left_out):
            progress.say(f"  {len(read.left_out)} rows of {config.responses.path} left out; "
                         f"see {study.processed / 'responses_left_out.csv'}")
    if meta["level"] == "image":
        check_table(table, RESPONSES, config.responses.path)
    store.write_json(study.processed / "responses.json", meta)
    store.write_table(study.processed / "checks.csv", checks)
    store.write_table(study.processed / "responses.csv", table)
    progress.say(f"  {len(table)} responses")


def _human_maps(study: Study, own: str, progress: Progress) -> None:  # noqa: ARG001 - a stage's signature
    from salcompare.maps import rasterise_actor_boxes, rasterise_boxes

    size = study.config.study.size
    if study.response_meta["level"] == "image":
        table = provenance.sha256_of_file(study.processed / "responses_kept.csv")
        maps = rasterise_boxes(study.responses, study.images, size=size, inputs_sha256=table)
        check_maps(maps, HUMAN_MAPS, "human maps")
        maps.attrs |= {"responses": _kind(study), "seed": study.config.study.seed,
                       "versions": provenance.canonical_json(provenance.versions())}
    else:
        maps = rasterise_actor_boxes(study.responses, size=size).to_dataset(name="coverage")
    store.write_dataset(maps, study.processed, "human", fingerprint=own)


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


def _statistics(study: Study, own: str, progress: Progress) -> None:
    from salcompare.statistics import AnalysisData, analyse

    config = study.config
    image_level = study.people != "none" and study.response_meta["level"] == "image"
    data = AnalysisData(
        photographs=study.photographs(), images=study.images,
        responses=study.responses if study.people == "boxes" else None,
        human=study.human_maps() if image_level else None,
        human_heatmap=_actor_level_heatmap(study) if not image_level else None,
        classifier_maps={source: study.maps_of(source) for source in study.sources},
        accuracies=_of_classifiers(study, "accuracy"), predictions=_of_classifiers(study, "predictions"),
        response_maps=maps_of_workers(study))
    results = analyse(data, maps=config.maps, statistics=config.statistics, seed=config.study.seed,
                      responses=_kind(study), progress=progress)
    write_headlines(study, data, results.estimates, progress)
    kind = {"responses": _kind(study)} if "human" in results.heatmaps["source"] else {}
    store.write_dataset(results.heatmaps.assign_attrs(kind), study.processed, "heatmaps", fingerprint=own)
    store.write_table(study.processed / "nulls.csv", results.nulls)
    store.write_table(study.processed / "overlap_images.csv", results.image_overlaps)
    store.write_table(study.processed / "agreement_images.csv", results.image_agreements)
    store.write_table(study.processed / "estimates.csv", results.estimates)
    progress.say(f"  {len(results.estimates)} estimates")


def study_pilot(study: Study, *, classifier: bool) -> Pilot:
    """Estimate what to plan another study from, from a study and (if asked for) its first classifier's maps.

    Raises
    ------
    InputError
        If the study has no responses that name images, something is missing or stale, or it is too small.
    """
    from salcompare.planning.pilot import fit_pilot

    if study.people != "boxes":
        raise InputError(Problem("pilot study", "no boxes", "boxes that name images", "see [responses]"))
    study.human_maps()  # refuses responses that name no image
    saliency = study.classifier_maps()["saliency"] if classifier and study.config.classifier else None
    return fit_pilot(study.responses, study.images, saliency, seed=study.config.study.seed,
                     name=study.config.study.name)


def _actor_level_heatmap(study: Study) -> xr.DataArray | None:
    if study.people == "none":
        return None
    heatmap: xr.DataArray = store.open_dataset(study.processed, "human")["coverage"]
    return heatmap


def _of_classifiers(study: Study, table: str) -> pd.DataFrame:
    """Read the tables of one name of all classifiers; names of images and actors stay text."""
    import pandas as pd

    text = dict.fromkeys(("variant", "split", "image", "actor", "predicted"), "str")
    tables = [pd.read_csv(study.classifier_folder(c) / f"{table}.csv", dtype=text).assign(classifier=c.name)
              for c in study.config.classifier]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["classifier", "variant", "split"])


def _kind(study: Study) -> Literal["collected", "simulated"]:
    return "simulated" if study.simulated else "collected"



"""What a study shows: its figures and its report, from what the stages have made."""

from __future__ import annotations

import dataclasses
import shutil
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salcompare import provenance, store
from salcompare.errors import InputError, Problem, meant
from salcompare.naming import natural_key, page_files
from salcompare.pipeline.exclusions import TABLES
from salcompare.pipeline.page_figures import classifier_figures, comparison
from salcompare.stages import needed, require
from salcompare.study import GIVEN

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from salcompare.figures import Figure, FigureData
    from salcompare.progress import Progress
    from salcompare.study import Study

_OF_CLASSIFIER = ("variant", "split", "image", "actor", "predicted", "layer", "kind")  # its tables' columns of text


def write_figures(study: Study, *, only: Collection[int] | None, progress: Progress) -> list[Path]:
    """Draw the study's figures into reports/figures and give the paths written.

    Raises
    ------
    InputError
        If a number in `only` is no figure, or a stage that the figures show is stale.
    """
    from salcompare.figures import save_figure
    from salcompare.findings.figures import figures_left_out

    wanted = ["statistics", *(["saliency differences", "saliency matrix"] if study.config.classifier else [])]
    require(study, *(name for last in wanted for name in needed(study, last)))
    data = figure_data(study)
    left_out = figures_left_out(data)
    refused = [Problem("--only", f"figure {number}: {left_out[number]}") for number in only or () if number in left_out]
    if refused:
        raise InputError(refused)
    figures = _figures(data, only)
    return [path for figure in progress.track(figures, total=len(figures), what="figures")
            for path in save_figure(figure, study.reports / "figures")]


def figure_data(study: Study) -> FigureData:
    """Gather all that the figures show."""
    from salcompare.figures import FigureData

    human, responses = None, study.responses if study.people == "boxes" else None
    if study.people != "none":
        human = study.human_maps() if study.response_meta["level"] == "image" else None
    # Figures of one classifier show the last: the first classifier of study.toml, as its scripts do.
    names = [source.split("/")[0] for source in study.sources]
    maps = {source: study.maps_of(source) for source in
            sorted(study.sources, key=lambda source: source.split("/")[0] == names[0])}
    differences = store.open_dataset(study.processed, "differences").load() if study.config.classifier else None
    return FigureData(
        photographs=study.photographs(), images=study.images, responses=responses, human=human, classifier_maps=maps,
        heatmaps=study.heatmaps().load(), differences=differences, estimates=study.estimates,
        nulls=_nulls(study), actors=shown_actors(study), simulated=study.simulated,
        mask_share=study.config.maps.mask_share, human_share=study.config.maps.human_share, credit=credit(study),
        training=_training(study), headlines=_quality_tables(study).get("headlines"),
        removal_curves=_removal_curves(study),
        class_matrix=store.open_dataset(study.processed, "class_matrix") if study.config.classifier else None,
        classifiers=tuple(dict.fromkeys(names)))


def check_names(study: Study, progress: Progress) -> None:  # noqa: ARG001 - a stage's check
    """Refuse actors in [report] that the catalogue does not have, before anything long is run.

    Raises
    ------
    InputError
        Naming them.
    """
    shown_actors(study)
    difference_pairs(study)


def shown_actors(study: Study) -> tuple[str, ...]:
    """Actors that the figures show: those that study.toml names, or the first six."""
    known = sorted(study.images["actor"].unique(), key=natural_key)
    named = study.config.report.actors
    problems = [Problem("study.toml [report] actors", repr(name), "one of " + ", ".join(known[:40]), meant(name, known))
                for name in named if name not in known]
    problems += [Problem("study.toml [report] actors", f"{name!r} is listed twice", "each actor once")
                 for name in sorted({name for name in named if named.count(name) > 1})]
    if problems:
        raise InputError(problems)
    return named or tuple(known[:6])


def difference_pairs(study: Study) -> list[tuple[str, str]]:
    """Pairs of actors (y, z) whose saliency difference y - z is shown: those named, or neighbours among the shown."""
    known = set(study.images["actor"])
    pairs, problems = [], []
    for text in study.config.report.differences:
        parts = tuple(part.strip() for part in text.split(" - "))
        if len(parts) != 2 or not known.issuperset(parts) or parts[0] == parts[1]:
            hints = [meant(part, known) for part in parts if part not in known] if len(parts) == 2 else []
            problems.append(Problem("study.toml [report] differences", repr(text), "'actor - actor' of the study's",
                                    "; ".join(filter(None, hints))))
        else:
            pairs.append((parts[0], parts[1]))
    if problems:
        raise InputError(problems)
    actors = shown_actors(study)
    others = [name for name in sorted(known, key=natural_key) if name not in actors]
    around = [*actors, *others[:1]] if len(actors) == 1 else [*actors, actors[0]]
    return pairs or list(pairwise(around))[:3]


def credit(study: Study) -> str:
    """Who the photographs are owed to."""
    if study.config.images.source == "orl":
        from salcompare.sources import ORL_CREDIT

        return ORL_CREDIT
    if study.config.images.source == "facescrub":
        return "Photographs: FaceScrub; Ng & Winkler (2014), doi:10.1109/ICIP.2014.7025068."
    return ""


def _training(study: Study) -> pd.DataFrame | None:
    """Course of the first classifier's training."""
    if not study.config.classifier:
        return None
    return store.read_csv(study.classifier_folder(study.config.classifier[0]) / "training.csv", text=["variant"])


def _removal_curves(study: Study) -> pd.DataFrame:
    return store.read_csv(study.processed / "removal_curves.csv", text=(
        "network", "source", "way", "metric", "fill", "responses"))


def _nulls(study: Study) -> pd.DataFrame:
    text = ("statistic", "metric", "form", "source")
    return store.read_csv(study.processed / "nulls.csv", text=text).fillna(dict.fromkeys(text, ""))


def _figures(data: FigureData, only: Collection[int] | None) -> list[Figure]:
    from salcompare.findings.figures import make_figures

    return make_figures(data, only=only)


def report_files(study: Study) -> tuple[Path, ...]:
    """List what `write_report` writes: pages, numbers, and the folders of figures and tables."""
    config = study.config
    names = [*(classifier.name for classifier in config.classifier), *(given.name for given in config.precomputed)]
    files = ("report.html", "report.json", *page_files(names), "figures", "tables")
    return tuple(study.reports / name for name in files)


def write_report(study: Study, own: str, progress: Progress) -> None:  # noqa: ARG001 - a stage's signature
    """Draw every figure and write the report; nothing of an earlier report stays behind."""
    from salcompare.figures import save_figure
    from salcompare.findings.content import render
    from salcompare.findings.figures import figures_left_out
    from salcompare.report import ReportData, ReportFigure

    data = figure_data(study)
    figures = _figures(data, None)
    for folder in ("figures", "tables"):
        shutil.rmtree(study.reports / folder, ignore_errors=True)
    drawn = []
    for figure in progress.track(figures, total=len(figures), what="figures"):
        png, svg = save_figure(figure, study.reports / "figures")
        drawn.append(ReportFigure(figure.name, figure.title, figure.caption, png, svg))
    classifiers = _classifier_tables(study)
    pages = classifier_figures(data, {figure.name: figure for figure in drawn}, {
        name: tables["training"] for name, tables in classifiers.items()}, study.reports / "figures")
    meta = study.response_meta if study.config.responses.source != "none" else {}
    render(ReportData(
        title=study.config.study.name, simulated=study.simulated, credit=credit(study), images=study.images,
        images_left_out=_read_csv(study.processed / "images_left_out.csv"),
        responses=data.responses, responses_left_out=_read_csv(study.processed / "responses_left_out.csv"),
        notes=(*meta.get("notes", ()), *_source_notes(study), *_notes_on_maps(study),
               *(f"Figure {number} is left out: {why}" for number, why in figures_left_out(data).items())),
        estimates=study.estimates, classifiers=classifiers, figures=tuple(drawn),
        settings=dataclasses.asdict(study.config), provenance=_provenance(study), truth=meta.get("truth"),
        mask_share=study.config.maps.mask_share, given=study.responses if study.people in GIVEN else None,
        given_maps=_given_maps(study), quality=_quality_tables(study), pages=pages,
        comparison=comparison(data, study.reports / "figures"), removal_curves=data.removal_curves), study.reports)


def _source_notes(study: Study) -> tuple[str, ...]:
    from salcompare.sources import ORL_NOTE

    return (ORL_NOTE,) if study.config.images.source == "orl" else ()


def _notes_on_maps(study: Study) -> tuple[str, ...]:
    return tuple(f"{name}: {note}" for name, given in _given_maps(study).items() for note in given["notes"])


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not path.exists():
        return pd.DataFrame()
    return store.read_csv(path).fillna("")


def _quality_tables(study: Study) -> dict[str, pd.DataFrame]:
    """Tables of the data's quality, where people drew boxes; texts that are empty stay so."""
    if study.people != "boxes":
        return {}
    found = {}
    for name in (*TABLES, "agreement_images", "headlines"):
        table = store.read_csv(study.processed / f"{name}.csv", text=(
            "response", "worker", "image", "actor", "label", "target_label", "rule", "not_applied", "verdict", "p_is",
            "p_is_all"))
        text = table.select_dtypes(exclude="number").columns
        found[name] = table.assign(**{column: table[column].fillna("") for column in text})
    return found


def _classifier_tables(study: Study) -> dict[str, dict[str, Any]]:
    """Each classifier's tables and its summary, by name."""
    found: dict[str, dict[str, Any]] = {}
    for classifier in study.config.classifier:
        folder = study.classifier_folder(classifier)
        tables: dict[str, object] = {name: store.read_csv(folder / f"{name}.csv", text=_OF_CLASSIFIER)
                                     for name in ("accuracy", "confusion", "training", "weights")}
        found[classifier.name] = tables | {"summary": store.read_json(folder / "summary.json")}
    return found


def _given_maps(study: Study) -> dict[str, dict[str, Any]]:
    """Gather what is known of each classifier's ready-made maps, by name."""
    folders = {given.name: study.classifier_folder(given) for given in study.config.precomputed}
    return {name: {**store.read_json(folder / "given.json"), "left_out": _read_csv(folder / "left_out.csv")}
            for name, folder in folders.items()}


def _provenance(study: Study) -> dict[str, object]:
    inputs = {name: sha for stage in study.stages() for name, sha in stage.inputs.items()}
    return {"inputs": inputs, "versions": provenance.versions(), "seed": study.config.study.seed,
            "settings_fingerprint": provenance.fingerprint(study.config)}

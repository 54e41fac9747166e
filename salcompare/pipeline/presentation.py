"""What a study shows: its figures, its report and the pages beside it, from what the stages have made."""

import dataclasses
import shutil
from collections.abc import Collection, Mapping
from itertools import pairwise
from pathlib import Path

from salcompare.errors import InputError, Problem, meant
from salcompare.figures import Figure
from salcompare.findings import findings
from salcompare.naming import LANDMARKS_PAGE, classifier_of, natural_key, page_files
from salcompare.pipeline.study_data import shown_actors, study_data
from salcompare.progress import Progress
from salcompare.report import ReportFigure
from salcompare.stages import needed, require
from salcompare.study import Study
from salcompare.study_data import StudyData


def write_figures(study: Study, *, only: Collection[int] | None, progress: Progress) -> list[Path]:
    """Draw the study's figures into reports/figures and give the paths written.

    InputError if a number in `only` is no figure, or a stage that the figures show is stale.
    """
    from salcompare.figures import save_figure
    from salcompare.findings.content import figures_left_out, make_figures

    wanted = ["statistics", *(["saliency differences", "saliency matrix"] if study.config.classifier else [])]
    require(study, *(name for last in wanted for name in needed(study, last)))
    data = study_data(study)
    left_out = figures_left_out(data)
    refused = [Problem("--only", f"figure {number}: {left_out[number]}") for number in only or () if number in left_out]
    if refused:
        raise InputError(refused)
    figures = make_figures(data, only=only)
    return [path for figure in progress.track(figures, total=len(figures), what="figures")
            for path in save_figure(figure, study.reports / "figures")]


def check_names(study: Study, progress: Progress) -> None:  # noqa: ARG001 - a stage's check
    """Refuse actors in [report] that the catalogue does not have, before anything long is run."""
    shown_actors(study)
    difference_pairs(study)


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


def report_files(study: Study) -> tuple[Path, ...]:
    """List what `write_report` writes: pages, numbers, and the folders of figures and tables."""
    config = study.config
    names = [*(classifier.name for classifier in config.classifier), *(given.name for given in config.precomputed)]
    landmarks = () if config.landmarks.source == "none" else (LANDMARKS_PAGE,)
    files = ("report.html", "report.json", *page_files(names), *landmarks, "figures", "tables")
    return tuple(study.reports / name for name in files)


def write_report(study: Study, fingerprint: str, progress: Progress) -> None:  # noqa: ARG001 - a stage's signature
    """Draw every figure and write the report; nothing of an earlier report stays behind."""
    from salcompare.findings.content import figures_left_out, make_figures, render

    data = study_data(study)
    figures = make_figures(data, only=None)
    for folder in ("figures", "tables"):
        shutil.rmtree(study.reports / folder, ignore_errors=True)
    drawn = [_saved(figure, study.reports / "figures", figure.name)
             for figure in progress.track(figures, total=len(figures), what="figures")]
    pages = classifier_figures(data, {figure.name: figure for figure in drawn}, study.reports / "figures")
    left_out = (f"Figure {number} is left out: {why}" for number, why in figures_left_out(data).items())
    render(data.replace(notes=(*data.notes, *left_out), figures=tuple(drawn), pages=pages,
                        comparison=comparison(data, study.reports / "figures")), study.reports)


def classifier_figures(data: StudyData, drawn: Mapping[str, ReportFigure],
                       folder: Path) -> dict[str, tuple[ReportFigure, ...]]:
    """Draw each classifier page's figures into a folder; those of the main classifier are the report's (`drawn`)."""
    from salcompare.findings.content import make_figures

    wanted = sorted(number for finding in findings() for number in finding.on_classifier_pages)
    main, *others = list(dict.fromkeys(map(classifier_of, data.classifier_maps))) or [""]
    classifiers = data.estimates["source"].fillna("").map(classifier_of)
    others_figures = {}
    for name in others:  # what others' maps and estimates are of cannot stand on a classifier's page
        of_one = data.replace(estimates=data.estimates[~classifiers.isin({main, *others} - {name})], classifier_maps={
            source: maps for source, maps in data.classifier_maps.items() if classifier_of(source) == name})
        others_figures[name] = tuple(_saved(figure, folder, f"{name}-{figure.name}")
                                     for figure in make_figures(of_one, only=wanted))
    main_figures = tuple(figure for number in wanted for name, figure in drawn.items()
                         if name.startswith(f"fig{number}-"))
    return {**others_figures, main: main_figures} if main else {}


def comparison(data: StudyData, folder: Path) -> ReportFigure | None:
    """Draw the figure that compares classifiers; None where nothing can be compared."""
    from salcompare.findings.comparison.figure import comparison_figure, comparison_missing

    return None if comparison_missing(data) else _saved(comparison_figure(data), folder, "comparison")


def _saved(figure: Figure, folder: Path, name: str) -> ReportFigure:
    from salcompare.figures import save_figure
    from salcompare.report import ReportFigure

    png, svg = save_figure(dataclasses.replace(figure, name=name), folder)
    return ReportFigure(name, figure.title, figure.caption, png, svg)

"""What a study shows: its figures and its report, from what the stages have made."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from salcompare.errors import InputError, Problem, meant
from salcompare.naming import natural_key, page_files
from salcompare.pipeline.page_figures import classifier_figures, comparison
from salcompare.pipeline.study_data import shown_actors, study_data
from salcompare.stages import needed, require

if TYPE_CHECKING:
    from collections.abc import Collection

    from salcompare.figures import Figure
    from salcompare.progress import Progress
    from salcompare.study import Study
    from salcompare.study_data import StudyData


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
    data = study_data(study)
    left_out = figures_left_out(data)
    refused = [Problem("--only", f"figure {number}: {left_out[number]}") for number in only or () if number in left_out]
    if refused:
        raise InputError(refused)
    figures = _figures(data, only)
    return [path for figure in progress.track(figures, total=len(figures), what="figures")
            for path in save_figure(figure, study.reports / "figures")]


def check_names(study: Study, progress: Progress) -> None:  # noqa: ARG001 - a stage's check
    """Refuse actors in [report] that the catalogue does not have, before anything long is run.

    Raises
    ------
    InputError
        Naming them.
    """
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


def _figures(data: StudyData, only: Collection[int] | None) -> list[Figure]:
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
    from salcompare.report import ReportFigure

    data = study_data(study)
    figures = _figures(data, None)
    for folder in ("figures", "tables"):
        shutil.rmtree(study.reports / folder, ignore_errors=True)
    drawn = []
    for figure in progress.track(figures, total=len(figures), what="figures"):
        png, svg = save_figure(figure, study.reports / "figures")
        drawn.append(ReportFigure(figure.name, figure.title, figure.caption, png, svg))
    pages = classifier_figures(data, {figure.name: figure for figure in drawn}, study.reports / "figures")
    left_out = (f"Figure {number} is left out: {why}" for number, why in figures_left_out(data).items())
    render(data.replace(notes=(*data.notes, *left_out), figures=tuple(drawn), pages=pages,
                        comparison=comparison(data, study.reports / "figures")), study.reports)

"""The page of one classifier: accuracy, training, maps, symmetry, overlap, controls, removal, seeds and weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from salcompare.findings.controls.words import beside_controls, judged, no_evidence
from salcompare.findings.training.words import describe_classifier
from salcompare.naming import classifier_file, classifier_of
from salcompare.printing import number
from salcompare.report.page import Page, Section, compact_table, rows_of, with_rows
from salcompare.report.tables import PrintedTable, plain_table

if TYPE_CHECKING:
    from salcompare.report.data import ReportFigure
    from salcompare.study_data import StudyData

ABSENT = {
    "controls": "Controls (randomised networks, shuffled labels, edges) were not run for this classifier, so nothing "
                "here says whether its overlap with people is evidence about the network.",
    "removal": "Deletion, insertion and removal were not run for this classifier.",
    "overlap": "There are no human maps of single images, so there is no overlap with people.",
    "seeds": "It was trained once, so nothing is known of how its maps vary over training seeds; set seeds of its "
             "[[classifier]] in study.toml.",
}
"""What a page says where a part of the study is not there."""


def classifier_page(data: StudyData, name: str) -> Page:
    """Gather the page of a classifier that was trained here, or whose maps were given."""
    parts = list(_parts(data, name))
    absent = tuple(ABSENT[part.name] for part in parts if part.name in ABSENT and not part.tables)
    kept = tuple(part for part in parts if not part.empty)
    notes = (Section("absent", "What is not here", notes=absent),) if absent else ()
    return Page(classifier_file(name), name, "One classifier of the study, by itself. Intervals are 95%.",
                (*kept, *notes))


def _parts(data: StudyData, name: str) -> Iterator[Section]:
    figures = {figure.name: figure for figure in data.get("pages", {}).get(name, ())}
    yield Section("network", "The classifier", said=tuple(_described(data, name)))
    yield Section("accuracy", "Accuracy and training", figures=_pick(figures, "training"),
                  tables=with_rows([*_accuracy(data, name)]))
    yield Section("maps", "Maps", figures=_pick(figures, "masks", "heatmaps", "relative"),
                  tables=with_rows([_variance(data, name)]))
    yield Section("symmetry", "Symmetry", figures=_pick(figures, "symmetry"), tables=with_rows([_table(
        data, name, "symmetry", "Left-right symmetry", "The index is to be read beside its mean for symmetric maps as "
        "noisy as these (null mean).", "symmetry", "symmetry_test")]))
    yield Section("overlap", "Overlap with people", figures=_pick(figures, "overlap", "ceilings"),
                  tables=with_rows([*_overlap(data, name)]))
    yield Section("controls", "Is it the network speaking?", said=_warned(data, name),
                  figures=_pick(figures, "controls", "randomisation"), tables=with_rows([*_controls(data, name)]))
    yield Section("removal", "Does it matter to the network?", figures=_pick(figures, "deletion", "removal"),
                  tables=with_rows([*_removal(data, name)]))
    yield Section("seeds", "How stable is it?", tables=with_rows([_table(
        data, name, "seeds", "Over training seeds", "", "seed_accuracy", "seed_reliability", "seed_ceiling",
        "seed_overlap")]))
    yield Section("weights", "Weights near zero", tables=with_rows([*_weights(data, name)]))


def _pick(figures: dict[str, ReportFigure], *kinds: str) -> tuple[ReportFigure, ...]:
    """Take the figures of some kinds; a figure's name ends, or is followed, by its kind."""
    return tuple(figure for kind in kinds for name, figure in figures.items() if kind in name.split("-"))


def _warned(data: StudyData, name: str) -> tuple[str, ...]:
    """Say which of the classifier's overlaps are no evidence about it."""
    return tuple(no_evidence([each for each in judged(data)
                              if each.failed and classifier_of(each.source) == name]))


def _described(data: StudyData, name: str) -> Iterator[str]:
    for settings in data.settings["classifier"]:
        if settings["name"] == name:
            yield describe_classifier(settings)
            yield from _trained(data.classifiers[name]["summary"], settings)
    if name in data.get("given_maps", {}):
        given = data.get("given_maps", {})[name]
        yield (f"{given['n_maps']:,} maps that were given ready-made ({given['method'].replace('_', ' ')}); no network "
               "was trained for them.")


def _trained(summary: dict[str, Any], settings: dict[str, Any]) -> Iterator[str]:
    for variant, found in summary.items():
        if isinstance(found, dict) and "n_parameters" in found:
            last = ", the last," if settings.get("keep") == "last" else ""
            yield (f"{variant.capitalize()}: {found['n_parameters']:,} parameters; iteration "
                   f"{found['best_iteration']:,} of {found['iterations']:,}{last} was kept; "
                   f"weights {found['weights_sha256'][:16]}.")
    if settings.get("seeds", 1) > 1:
        yield f"Trained with {settings['seeds']} seeds; this page's maps are of the study's own seed unless said."


def _table(data: StudyData, name: str, part: str, title: str, caption: str, *statistics: str,
           folded: bool = False) -> PrintedTable:
    """Make the table of some statistics of a classifier."""
    return compact_table(f"classifier_{name}_{part}", title, caption, rows_of(data.estimates, name, *statistics),
                         folded=folded, of=name)


def _accuracy(data: StudyData, name: str) -> Iterator[PrintedTable]:
    yield _table(data, name, "accuracy", "Accuracy", "n counts images; intervals are Wilson's.", "accuracy")
    confusion = data.classifiers.get(name, {}).get("confusion", pd.DataFrame())
    if len(confusion):
        wrong = confusion[(confusion["actor"] != confusion["predicted"]) & (confusion["n"] > 0)]
        yield plain_table(f"confusion_{name}", "Test images taken for another actor", wrong)


def _variance(data: StudyData, name: str) -> PrintedTable:
    of = rows_of(data.estimates, name, "variance_explained")
    return compact_table(
        f"classifier_{name}_variance", "R² of who is shown, and the between-actor share",
        "R² has no interval of its own; the null permutes images among actors. Other forms of R² are in the report.",
        of[of["metric"].isin(["r2", "between_actor_share"])], of=name)


def _overlap(data: StudyData, name: str) -> Iterator[PrintedTable]:
    of = rows_of(data.estimates, name, "overlap")
    primary = (of["metric"] == "pearson") & (of["form"] == "smoothed")
    yield compact_table(f"classifier_{name}_overlap", "Overlap with people, smoothed maps",
                        "Pearson's correlation; ceiling: people's noise ceiling.", of[primary], of=name)
    yield _table(data, name, "share_of_ceiling", "Share of the ceiling",
                 "(score - null) / (ceiling - null): 1 for a perfect model.", "share_of_ceiling")
    yield compact_table(f"classifier_{name}_overlap_metrics", "Overlap with people, all metrics", "", of[~primary],
                        folded=True, of=name)
    yield _table(data, name, "labels", "Labels that people name, and where the maps lie", "", "label_region",
                 "enrichment", folded=True)


def _controls(data: StudyData, name: str) -> Iterator[PrintedTable]:
    of = data.estimates["source"].fillna("").map(classifier_of) == name
    table = beside_controls(
        data.estimates[of], f"classifier_{name}_controls", "Overlap with people minus the same overlap of a control",
        "Unless the difference (value) to the randomised network and to Sobel edges lies above zero, the overlap is no "
        "evidence about this network. spread: its standard deviation over networks. The CSV has all metrics.")
    page = table.page.assign(source=table.page["source"].str.removeprefix(f"{name}/"))
    yield replace(table, printed=page[[column for column in page if page[column].notna().any()]])
    yield _table(data, name, "randomisation", "Similarity of maps to the intact network's as layers are randomised",
                 "", "randomisation_similarity", folded=True)


def _removal(data: StudyData, name: str) -> Iterator[PrintedTable]:
    yield _table(data, name, "deletion", "Deletion and insertion", "Area under the curve; form: what fills the pixels "
                 "that are taken away. Deletion: smaller is better; insertion: larger.", "deletion_auc",
                 "insertion_auc")
    yield _table(data, name, "removal", "Removal at equal area",
                 "Drop when what stands under 'against' is taken away.", "removal_drop")


def _weights(data: StudyData, name: str) -> Iterator[PrintedTable]:
    yield _table(data, name, "near_zero", "Share of weights near zero",
                 "Relative: below 1% of the standard deviation of the layer's weights before training; absolute: below "
                 "0.001.", "near_zero_share")
    layers = data.classifiers.get(name, {}).get("weights", pd.DataFrame())
    if len(layers):
        yield plain_table(f"weights_{name}", f"By layer ({number(len(layers))} rows)", layers)

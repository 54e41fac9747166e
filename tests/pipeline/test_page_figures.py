"""Figures of the classifiers' pages: the report's own for the main classifier, drawn anew for every other."""


import pytest

from salcompare import figures
from salcompare.findings.content import make_figures
from salcompare.pipeline.presentation import classifier_figures, comparison
from salcompare.report import ReportFigure
from tests.figures.tiny import MAIN, tiny, training

OTHER = "vgg/finetuned/guided_backprop"


def drawn(tmp_path):
    return {name: ReportFigure(name, "t", "c", tmp_path / f"{name}.png", tmp_path / f"{name}.svg")
            for name in ("fig2-masks", "fig6-relative", "fig10-training", "fig15-removal")}


@pytest.mark.slow
def test_the_main_classifier_has_the_reports_figures_and_others_figures_of_their_own(tmp_path):
    data = tiny()
    maps = {**data.classifier_maps, OTHER: data.classifier_maps[MAIN]}
    table = data.estimates.assign(source=data.estimates["source"])
    of_other = table[table["source"] == MAIN].assign(source=OTHER)
    accuracy = table[table["source"] == "alexnet/finetuned"].assign(source="vgg/finetuned", value=0.77)
    both = data.replace(classifiers={name: {"training": training()} for name in ("alexnet", "vgg")},
                        classifier_maps=maps, estimates=_stack(table, of_other, accuracy))
    found = classifier_figures(both, drawn(tmp_path), tmp_path)
    assert set(found) == {"alexnet", "vgg"}
    assert {figure.name for figure in found["alexnet"]} <= {"fig2-masks", "fig10-training", "fig15-removal"}
    assert {"fig2-masks", "fig10-training"} <= {figure.name for figure in found["alexnet"]}
    names = {figure.name for figure in found["vgg"]}
    assert {"vgg-fig8-overlap", "vgg-fig10-training"} <= names
    assert all(figure.png.is_file() and figure.svg.is_file() for figure in found["vgg"])
    assert "vgg finetuned" in next(figure for figure in found["vgg"] if figure.name == "vgg-fig8-overlap").caption


def test_no_page_shows_what_is_of_another_classifier(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "save_figure", lambda figure, folder: (folder / "a.png", folder / "a.svg"))
    data = tiny()
    maps = {**data.classifier_maps, OTHER: data.classifier_maps[MAIN]}  # the other was not asked
    found = classifier_figures(data.replace(classifier_maps=maps), drawn(tmp_path), tmp_path)
    of_main = {"fig8-overlap", "fig14-controls", "fig15-removal"}
    assert of_main <= {figure.name for figure in make_figures(data)}
    assert not {f"vgg-{name}" for name in of_main} & {figure.name for figure in found["vgg"]}


def test_a_study_without_classifiers_has_none(tmp_path):
    nothing = tiny(classifier_maps={})
    assert classifier_figures(nothing, drawn(tmp_path), tmp_path) == {}
    assert comparison(nothing, tmp_path) is None


def _stack(*tables):
    import pandas as pd

    return pd.concat(tables, ignore_index=True)

"""Landmarks are shown to be checked by eye, the worst fits first, and who has none is named before."""

import numpy as np

from salcompare.findings.content import make_figures, pages
from salcompare.findings.landmarks.figure import _dots, worst_fits
from salcompare.findings.landmarks.words import methods
from tests.figures.tiny import tiny


def test_the_worst_fit_is_first_and_no_face_is_none():
    fits = worst_fits(tiny())
    assert fits.index[0] == "Ada Adams/2"
    assert len(fits) == 5
    assert fits.iloc[0] > 10 * fits.iloc[1] > 0


def test_dots_lie_where_the_landmarks_are_on_the_grid():
    dots = _dots(tiny(), "Ada Adams/1")  # the grid is half as large as the photograph, and each dot three pixels wide
    y, x = np.nonzero(dots.to_numpy() == 1)
    assert (y.min(), y.max(), x.min(), x.max()) == (14 // 2 - 1, 26 // 2 + 1, 18 // 2 - 1, 30 // 2 + 1)


def test_figure_and_page_name_the_photographs():
    (figure,) = make_figures(tiny(), only=[20])
    assert "The 5 photographs of 5 whose landmarks are least like the mean shape" in figure.caption
    assert "Ada Adams/2 (0." in figure.caption
    page = pages(tiny(classifiers={}, classifier_maps={}))[-1]
    (table,) = page.sections[1].tables
    assert (page.file, table.frame["image"].tolist()[:2]) == ("landmarks.html", ["s03/2", "Ada Adams/2"])
    assert table.frame["faces"].tolist() == [0, 1, 1, 1, 1, 1]


def test_without_landmarks_nothing_is_said():
    data = tiny(landmarks=None, classifiers={}, classifier_maps={})
    assert pages(data) == []
    assert methods(data) == []
    assert len(methods(tiny())) == 1

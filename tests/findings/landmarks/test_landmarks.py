"""Landmarks are shown to be checked by eye, the worst fits first, and who has none is named before."""

import io

import numpy as np
import pandas as pd
from PIL import Image

from salcompare.findings.content import make_figures, pages
from salcompare.findings.landmarks.figure import dots, places_on_grid, worst_fits
from salcompare.findings.landmarks.gallery import SIDE, thumbnails
from salcompare.findings.landmarks.words import methods
from tests.figures.tiny import tiny


def test_the_worst_fit_is_first_and_no_face_is_none():
    fits = worst_fits(tiny())
    assert fits.index[0] == "Ada Adams/2"
    assert len(fits) == 5
    assert fits.iloc[0] > 10 * fits.iloc[1] > 0


def test_dots_lie_where_the_landmarks_are_on_the_grid():
    (places,) = places_on_grid(tiny(), ["Ada Adams/1"]).to_numpy()
    y, x = np.nonzero(dots(places, (20, 24), 3))  # the grid is half as large as the photograph
    assert (y.min(), y.max(), x.min(), x.max()) == (14 // 2 - 1, 26 // 2 + 1, 18 // 2 - 1, 30 // 2 + 1)
    assert not dots(np.array([[-9.0, 5], [5, 99], [np.nan, 5]]), (20, 24), 3).any()


def test_thumbnails_have_the_shape_that_was_shown_and_dots_where_the_landmarks_are():
    data = tiny(photographs=tiny().photographs * np.uint8(0))
    table = pd.DataFrame({"image": ["s03/2", "Ada Adams/1"], "faces": [0, 1], "misfit": [np.nan, 0.0123]})
    faceless, face = thumbnails(data.replace(images=data.images.assign(height=60, width=30)), table)
    assert (face.width, face.height) == (SIDE // 2, SIDE)
    assert [one.words for one in (faceless, face)] == ["no face", "misfit 0.012"]
    face = thumbnails(data, table)[1]
    assert (face.width, face.height) == (SIDE, round(SIDE * 40 / 48))
    red = np.asarray(Image.open(io.BytesIO(face.jpeg)))[..., 0] > 128
    y, x = np.nonzero(red)
    scale = SIDE / 48  # pixels of the thumbnail to one of the photograph
    assert np.allclose([y.min(), y.max() + 1, x.min(), x.max() + 1],
                       np.array([14, 26, 18, 30]) * scale + [-2.5, 2.5, -2.5, 2.5], atol=1)
    assert not (np.asarray(Image.open(io.BytesIO(faceless.jpeg)))[..., 0] > 128).any()


def test_figure_and_page_name_the_photographs():
    (figure,) = make_figures(tiny(), only=[20])
    assert "The 5 photographs of 5 whose landmarks are least like the mean shape" in figure.caption
    assert "Ada Adams/2 (0." in figure.caption
    page = pages(tiny(classifiers={}, classifier_maps={}))[-1]
    (table,) = page.sections[1].tables
    assert [one.name for one in page.sections[0].thumbnails] == table.frame["image"].tolist()
    assert page.sections[0].said[0].startswith("All 6 photographs: those without a face")
    assert (page.file, table.frame["image"].tolist()[:2]) == ("landmarks.html", ["s03/2", "Ada Adams/2"])
    assert table.frame["faces"].tolist() == [0, 1, 1, 1, 1, 1]


def test_a_page_of_too_many_photographs_shows_the_worst_and_says_so(monkeypatch):
    monkeypatch.setattr("salcompare.findings.landmarks.gallery.MOST", 2)
    section = pages(tiny(classifiers={}, classifier_maps={}))[-1].sections[0]
    assert [one.name for one in section.thumbnails] == ["s03/2", "Ada Adams/2"]
    assert section.said[0].startswith("The first 2 of 6 photographs: those without a face")


def test_without_landmarks_nothing_is_said():
    data = tiny(landmarks=None, classifiers={}, classifier_maps={})
    assert pages(data) == []
    assert methods(data) == []
    assert len(methods(tiny())) == 1

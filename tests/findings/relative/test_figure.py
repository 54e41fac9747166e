"""Figure 6: outlines go round the pixels that survive, and the caption says what test that was."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare.findings.content import make_figures
from tests.figures.tiny import ACTORS, HEIGHT, MAIN, WIDTH, tiny


def with_a_test(**changes):
    """The tiny study with a place that survives above the others for one actor, and one below for another."""
    heatmaps = tiny().heatmaps
    p = xr.full_like(heatmaps.heatmap, np.nan)
    t = xr.full_like(heatmaps.heatmap, 1.0)
    p[0, 0], p[0, 2] = 0.5, 0.5
    p[0, 0, 3:6, 8:12] = 0.01
    p[0, 2, 10:12, 2:5] = 0.05
    t[0, 2] = -1
    rows = [{"statistic": "relative_saliency", "metric": "max_t", "level": "population", "source": source,
             "sigma": 0.72, "count": count, "n": 3, "family_size": 1440, "n_resamples": 999}
            for source, count in (("human", 2), (MAIN, 0))]
    estimates = pd.concat([tiny().estimates, pd.DataFrame(rows)], ignore_index=True)
    return tiny(heatmaps=heatmaps.assign(relative_p=p, relative_t=t), estimates=estimates, **changes)


def outlines(plot):
    """By column and line style, the pixels inside."""
    found = {}
    for layer in plot.layers:
        if type(layer.geom).__name__ == "geom_outline":
            for column, rows in layer.geom.data.groupby("column", observed=True):
                inside = np.zeros((HEIGHT, WIDTH), bool)
                inside[(rows["y"] - 0.5).astype(int), (rows["x"] - 0.5).astype(int)] = True
                found[column, layer.geom.params["dashes"]] = inside
    return found


def test_outlines_hold_what_survives_solid_above_and_dotted_below():
    (figure,) = make_figures(with_a_test(), only=[6])
    photographs, human, classifier = list(figure.plot)
    found = outlines(human)
    assert {(column.replace("\n", " "), dashes) for column, dashes in found} == {(ACTORS[0], "solid"),
                                                                                 (ACTORS[2], "dotted")}
    above, below = np.zeros((2, HEIGHT, WIDTH), bool)
    above[3:6, 8:12] = below[10:12, 2:5] = True
    by_style = {dashes: inside for (_, dashes), inside in found.items()}
    np.testing.assert_array_equal(by_style["solid"], above)
    np.testing.assert_array_equal(by_style["dotted"], below)
    assert outlines(photographs) == outlines(classifier) == {}
    assert len(human.draw().axes) == len(ACTORS)


@pytest.mark.parametrize("said", [
    "p ≤ 0.05 by the largest |t| over all pixels and actors", "smoothed with a Gaussian of 0.720 pixels",
    "human 1,440 tests, 999 permutations; pixels of 2 of 3 actors survive, 2 of them shown here",
    "classifier 1,440 tests, 999 permutations; pixels of 0 of 3 actors survive", "no evidence of likeness",
])
def test_the_caption_names_the_test_its_family_and_its_permutations(said):
    (figure,) = make_figures(with_a_test(), only=[6])
    assert said in figure.caption


def test_heatmaps_carry_no_outlines_and_a_study_without_a_test_none():
    (heatmaps,) = make_figures(with_a_test(), only=[5])
    (relative,) = make_figures(tiny(), only=[6])
    for figure in (heatmaps, relative):
        assert all(outlines(plot) == {} for plot in figure.plot)
        assert "Outlined" not in figure.caption
        assert "Shown without interval" in figure.caption

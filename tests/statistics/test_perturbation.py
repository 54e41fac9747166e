"""Drops at equal area, curves, and the areas under them, by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from salcompare.errors import InputError
from salcompare.statistics import curve_areas, removal_curves, removal_drops
from tests.statistics.simulated_outcomes import MAIN, outcomes

ROWS = [
    ("", "deletion", "", 0.0, False, [4, 2]), ("", "deletion", "mean", 1.0, False, [-2, -1]),
    ("people", "deletion", "mean", 0.1, True, [1, -1]), (MAIN, "deletion", "mean", 0.1, True, [3, np.nan]),
    (MAIN, "deletion", "mean", 0.1, False, [3, 1]), (MAIN, "deletion", "mean", 0.5, False, [0, -1]),
    (MAIN, "insertion", "mean", 0.1, False, [0, 0]), (MAIN, "insertion", "mean", 0.5, False, [2, 2]),
]


def test_a_drop_is_what_the_photograph_as_it_is_has_more():
    logit = removal_drops(outcomes(ROWS), "logit", area=0.1).sel(fill="mean")
    assert logit.sel(order="people").to_numpy().tolist() == [3, 3]
    accuracy = removal_drops(outcomes(ROWS), "accuracy", area=0.1).sel(fill="mean")
    assert accuracy.sel(order="people").to_numpy().tolist() == [0, 1]


def test_a_region_that_was_not_whole_has_no_drop_and_a_curve_has_its_point():
    logit = removal_drops(outcomes(ROWS), "logit", area=0.1).sel(fill="mean", order=MAIN)
    assert logit[0] == 1
    assert np.isnan(logit[1])
    curve = removal_curves(outcomes(ROWS), "logit").sel(way="deletion", fill="mean", order=MAIN)
    assert curve.to_numpy().T.tolist() == [[4, 3, 0, -2], [2, 1, -1, -1]]


def test_areas_under_curves_by_hand():
    areas = curve_areas(removal_curves(outcomes(ROWS), "logit")).sel(fill="mean", order=MAIN)
    deletion = 0.1 * 3.5 + 0.4 * 1.5 + 0.5 * -1
    insertion = 0.1 * -1 + 0.4 * 1 + 0.5 * 3
    assert areas.isel(image=0).to_numpy().tolist() == pytest.approx([deletion, insertion])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=4, max_size=4), st.floats(0.01, 0.45), st.floats(0.5, 0.99))
def test_areas_agree_with_scipy(points, low, high):
    rows = [("", "deletion", "", 0.0, False, points[:1] * 2), ("", "deletion", "mean", 1.0, False, points[3:] * 2)]
    rows += [(MAIN, way, "mean", share, False, [point] * 2) for way in ("deletion", "insertion")
             for share, point in ((high, points[2]), (low, points[1]))]
    areas = curve_areas(removal_curves(outcomes(rows), "logit")).sel(fill="mean", order=MAIN).isel(image=0)
    assert float(areas.sel(way="deletion")) == pytest.approx(integrate.trapezoid(points, [0, low, high, 1]))
    ends = [points[3], points[1], points[2], points[0]]
    assert float(areas.sel(way="insertion")) == pytest.approx(integrate.trapezoid(ends, [0, low, high, 1]))


def test_an_image_without_an_order_has_no_area():
    rows = [*ROWS[:2], *((MAIN, way, "mean", 0.5, False, [1, np.nan]) for way in ("deletion", "insertion"))]
    areas = curve_areas(removal_curves(outcomes(rows), "logit"))
    assert np.isnan(areas.isel(image=1)).all()
    assert not np.isnan(areas.isel(image=0)).any()


def test_an_area_that_was_not_removed_and_missing_ends_are_refused():
    with pytest.raises(InputError, match="area"):
        removal_drops(outcomes(ROWS), "logit", area=0.3)
    with pytest.raises(InputError, match="as they are"):
        removal_drops(outcomes(ROWS[1:]), "logit", area=0.1)
    with pytest.raises(InputError, match="all over"):
        removal_curves(outcomes([ROWS[0], *ROWS[2:]]), "logit")

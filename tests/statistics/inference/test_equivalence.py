"""Two one-sided tests and the verdicts."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import DescrStatsW

from salcompare.errors import InputError
from salcompare.statistics.inference.differences import VERDICTS, equivalence, verdict

VALUES = st.lists(st.floats(-2, 2), min_size=8, max_size=30).filter(lambda values: np.std(values) > 1e-3)


def of_actors(values):
    return xr.DataArray(np.asarray(values, float), dims="actor")


@given(VALUES, st.floats(0.05, 2))
def test_p_and_interval_agree_with_statsmodels(values, smallest):
    found = equivalence(of_actors(values), smallest=smallest)
    oracle = DescrStatsW(values)
    assert float(found["p_equivalence"]) == pytest.approx(oracle.ttost_mean(-smallest, smallest)[0], abs=1e-10)
    low, high = oracle.tconfint_mean(alpha=0.1)
    assert (-smallest < low and high < smallest) == (float(found["p_equivalence"]) < 0.05)


def test_few_actors_an_unknown_effect_and_undefined_values():
    values = of_actors([0.1, np.nan, *np.linspace(-1, 1, 9)])
    assert float(equivalence(values, smallest=1.0)["p_equivalence"]) == pytest.approx(
        float(equivalence(values.dropna("actor"), smallest=1.0)["p_equivalence"]))
    assert np.isnan(equivalence(values[:8], smallest=1.0)["p_equivalence"])
    assert np.isnan(equivalence(values, smallest=np.nan)["p_equivalence"])
    with pytest.raises(InputError, match="above 0"):
        equivalence(values, smallest=0.0)


def test_the_four_verdicts():
    assert verdict(0.01, 0.5) == "a difference"
    assert verdict(0.05, 0.05) == "a difference too small to matter"
    assert verdict(0.2, 0.001) == "no difference worth having"
    assert verdict(0.2, 0.3) == verdict(np.nan, np.nan) == "inconclusive"
    assert list(verdict([0.01, 0.01, 1, 1], [1, 0.01, 0.01, 1])) == list(VERDICTS)


def test_a_true_effect_at_the_margin_is_seldom_called_too_small():
    rng = np.random.default_rng(0)
    values = xr.DataArray(0.3 + rng.standard_normal((12, 4000)), dims=("actor", "study"))
    rate = float((equivalence(values, smallest=0.3)["p_equivalence"] <= 0.05).mean())
    assert rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)

"""Statistics are the same to the last digit with one core and with many, however many threads BLAS would take."""

import numpy as np
import pytest
import xarray as xr
from threadpoolctl import threadpool_limits

from salcompare.findings.analysis import analyse
from salcompare.maps import smooth
from salcompare.statistics import pairwise, symmetric_null_mean
from salcompare.statistics.relative.pixelwise import relative_test
from salcompare.statistics.variance.explained import variance_explained
from salcompare.statistics.variance.gram import DISTANCES
from tests.findings.quality.test_estimates import SETTINGS, data_of


@pytest.fixture
def results(monkeypatch):
    """Call something with each number of threads."""
    def call(function, numbers=(1, 2, 4)):
        found = []
        for number in numbers:
            monkeypatch.setenv("OMP_NUM_THREADS", str(number))
            with threadpool_limits(number, user_api="blas"):
                found.append(function())
        return found

    return call


@pytest.fixture(scope="module")
def maps():
    """Sixty maps, more than any block holds, on a grid that BLAS would divide among threads."""
    rng = np.random.default_rng(0)
    return xr.DataArray(rng.random((60, 72, 64)), dims=("image", "y", "x"), coords={
        "image": [f"s{at // 6}/{at % 6}" for at in range(60)], "actor": ("image", [f"s{at // 6}" for at in range(60)])})


QUESTIONS = {
    "smoothing": lambda maps: smooth(maps, sigma=2.0),
    "all pairs": lambda maps: pairwise(maps, maps[::-1], "pearson"),
    "relative": lambda maps: relative_test(maps, sigma=1.0, n_permutations=99, rng=np.random.default_rng(1)),
    "symmetry": lambda maps: symmetric_null_mean(maps, rng=np.random.default_rng(1), n_draws=150),
    **{distance: lambda maps, distance=distance: variance_explained(
        maps, n_permutations=99, rng=np.random.default_rng(1), distance=distance) for distance in DISTANCES},
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_one_statistic_is_the_same_with_one_core_and_with_many(results, maps, question):
    one, *others = results(lambda: QUESTIONS[question](maps))
    assert all(other.identical(one) for other in others)


def test_a_whole_analysis_is_the_same_with_one_core_and_with_many(results):
    data = data_of()
    one, other = results(lambda: analyse(data, **SETTINGS), numbers=(1, 3))
    for table in ("estimates", "nulls"):
        assert getattr(other, table).to_csv() == getattr(one, table).to_csv(), table
    assert {name: table.to_csv() for name, table in other.tables.items()} == {
        name: table.to_csv() for name, table in one.tables.items()}
    assert other.heatmaps.identical(one.heatmaps)

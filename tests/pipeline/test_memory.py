"""Memory that studies of many maps take: what NumPy reserves, in multiples of all maps."""

from __future__ import annotations

import tracemalloc
from types import SimpleNamespace

import dask
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare.config import Config, Fixations, General, Maps
from salcompare.findings.variance.estimates import box_component_rows
from salcompare.maps import fixation_maps, precomputed_response_maps, rasterise_fixations
from salcompare.maps.filters import sobel_edges
from salcompare.pipeline.classifiers import average_precomputed
from salcompare.progress import Silent
from salcompare.statistics import responses
from salcompare.statistics.symmetries.sides import worker_laterality
from salcompare.store import open_dataset
from salcompare.study_data import StudyData
from tests.strategies import table_of_images

SIZE = (120, 100)
VIEWERS, ACTORS, PER_ACTOR = 24, 4, 3
ALL_MAPS = VIEWERS * ACTORS * PER_ACTOR * SIZE[0] * SIZE[1] * 4  # bytes: 14 MB, in float32


@pytest.fixture(autouse=True)
def _one_core(monkeypatch):
    """Have one core, as each holds some maps of its own."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with dask.config.set(num_workers=1):
        yield


def peak_of(work, *, over=ALL_MAPS):
    """Give what work finds and the most bytes it held at a time, over those of all maps; a first run imports."""
    work()
    tracemalloc.start()
    try:
        found = work()
        return found, tracemalloc.get_traced_memory()[1] / over
    finally:
        tracemalloc.stop()


@pytest.fixture
def study(tmp_path):
    """What stages ask of a study of gaze."""
    images = table_of_images([f"a{actor}" for actor in range(ACTORS) for _ in range(PER_ACTOR)], height=SIZE[0],
                             width=SIZE[1])
    rng = np.random.default_rng(0)
    rows = [(f"w{viewer}", image, *rng.uniform(5, 95, 2), 1.0, "1") for image in images["image"]
            for viewer in range(VIEWERS) for _ in range(2)]
    config = Config(study=General(size=SIZE), fixations=Fixations(sigma=4.0))
    return SimpleNamespace(people="fixations", processed=tmp_path, images=images, config=config, responses=pd.DataFrame(
        rows, columns=["worker", "image", "x", "y", "duration", "trial"]))


def stored(study):
    average_precomputed(study, "abc", Silent())
    return open_dataset(study.processed, "response_maps")["response_maps"]


def test_human_maps_of_gaze_are_made_without_the_maps_of_all_trials_in_memory(study):
    maps, peak = peak_of(lambda: stored(study))
    assert maps.nbytes == ALL_MAPS
    assert peak < 0.75
    rows = study.responses
    xr.testing.assert_equal(maps.load(), fixation_maps(rows, study.images, size=SIZE, sigma=4.0))


def test_a_mean_of_fixations_takes_no_more(study):
    found, peak = peak_of(lambda: rasterise_fixations(study.responses, study.images, size=SIZE, sigma=4.0))
    assert peak < 0.75
    assert found.sizes["image"] == len(study.images)


def test_ready_made_maps_are_scaled_without_a_copy_in_double_precision(study):
    rows = study.responses.iloc[::2]  # one a trial
    values = np.random.default_rng(0).random((len(rows), *SIZE), np.float32)
    found, peak = peak_of(lambda: precomputed_response_maps(values, rows, study.images))
    np.testing.assert_allclose(found[-1], values[-1] / values[-1].sum(dtype=np.float64), rtol=1e-6)
    assert peak < 1.5


def test_the_variance_of_single_responses_holds_their_maps_once_and_in_their_own_precision(study, monkeypatch):
    monkeypatch.setattr(responses, "_NUMBERS", 1 << 16)  # as small beside these maps as blocks are beside real ones
    maps = stored(study)
    human = open_dataset(study.processed, "human").load()
    data = StudyData(photographs=None, images=study.images, responses=None, human=human, human_heatmap=None,
                        classifier_maps={}, accuracies=pd.DataFrame(), response_maps=maps)
    rows, peak = peak_of(lambda: list(box_component_rows(data, Maps())))
    assert {row["form"] for row in rows} == {"raw", "smoothed"}
    assert peak < 1.75


def test_the_side_that_responses_lean_to_is_found_without_them_all_in_memory(study):
    maps = stored(study)
    found, peak = peak_of(lambda: worker_laterality(maps, study.images, size=SIZE, rng=np.random.default_rng(0),
                                                    n_resamples=100))
    assert peak < 0.75
    loaded = worker_laterality(maps.load(), study.images, size=SIZE, rng=np.random.default_rng(0), n_resamples=100)
    xr.testing.assert_identical(found, loaded)


def test_edges_are_found_without_all_photographs_in_double_precision():
    photographs = xr.DataArray(np.random.default_rng(0).integers(0, 256, (80, 40, 50, 3), dtype=np.uint8),
                               dims=("image", "y", "x", "channel"))
    found, peak = peak_of(lambda: sobel_edges(photographs), over=8 * photographs.size)
    assert found.nbytes == photographs.size * 4 / 3
    assert peak < 0.9

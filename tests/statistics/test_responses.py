"""Statistics do not care where a human map came from: boxes, and the same boxes given as maps, say the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from salcompare.config import Maps, Statistics
from salcompare.errors import InputError
from salcompare.findings.analysis import NO_WORKERS
from salcompare.findings.ceilings.estimates import ceiling_rows, share_rows
from salcompare.findings.variance.estimates import box_component_rows
from salcompare.maps import fixation_maps, mean_of_responses, rasterise_boxes, smooth
from salcompare.statistics.ceilings.pooled import noise_ceiling, share_of_ceiling
from salcompare.statistics.overlaps.baselines import centre
from salcompare.statistics.responses import _boxes_by_image, joined, products_of, products_with_sums, responses_by_image
from salcompare.statistics.variance.components import response_variance_components
from salcompare.study_data import StudyData
from tests.statistics.ceilings.studies import SIZE, small_study


def as_maps(boxes, images):
    """One map a box, in another order than the table's."""
    parts = [rasterise_boxes(boxes.iloc[[at]], images, size=SIZE)["coverage"] for at in reversed(range(len(boxes)))]
    rows = boxes.iloc[::-1]
    return xr.DataArray(np.concatenate([part.to_numpy() for part in parts]), dims=("response", "y", "x"), coords={
        "image": ("response", rows["image"].to_numpy(str)), "worker": ("response", rows["worker"].to_numpy(str)),
        "actor": ("response", images.set_index("image")["actor"].loc[rows["image"]].to_numpy(str)),
        "y": np.arange(SIZE[0]), "x": np.arange(SIZE[1])})


@pytest.fixture(scope="module")
def study():
    boxes, images, classifier = small_study(n_actors=3, n_images=3)
    return boxes, as_maps(boxes, images), images, classifier


def rng():
    return np.random.default_rng(1)


STATISTICS = {
    "noise ceiling": lambda one, images, _: noise_ceiling(one, images, size=SIZE, sigma=1.5),
    "components": lambda one, images, _: response_variance_components(one, images, size=SIZE, sigma=1.0),
    "share": lambda one, images, maps: share_of_ceiling(one, images, {"null": centre(maps), "one": maps}, sigma=1.0),
}


@pytest.mark.parametrize("name", STATISTICS)
def test_boxes_and_the_same_boxes_as_maps_have_the_same_statistics(study, name):
    boxes, maps, images, classifier = study
    of_boxes, of_maps = (STATISTICS[name](one, images, classifier) for one in (boxes, maps))
    for variable in of_boxes.data_vars:
        if of_boxes[variable].dtype.kind == "f":
            np.testing.assert_allclose(of_maps[variable], of_boxes[variable], rtol=1e-6, atol=1e-9, err_msg=variable)
        else:
            assert of_maps[variable].to_numpy().tolist() == of_boxes[variable].to_numpy().tolist()


def test_dask_maps_of_responses_give_what_maps_in_memory_give(study):
    _, maps, images, classifier = study
    for name in ("noise ceiling", "components", "share"):
        eager = STATISTICS[name](maps, images, classifier)
        xr.testing.assert_identical(STATISTICS[name](maps.chunk({"response": 4, "y": 5}), images, classifier), eager)


def test_inner_products_are_those_of_the_maps_as_plain_vectors(study):
    _, maps, images, _ = study
    parts = list(responses_by_image(maps, images, size=SIZE).values())
    every = joined(parts)
    flat = np.concatenate([maps.to_numpy()[maps["image"].to_numpy() == image].reshape(-1, np.prod(SIZE))
                           for image in images["image"]]).astype(float)
    np.testing.assert_allclose(every.products_with(every), flat @ flat.T)
    np.testing.assert_allclose(every.covariance, (flat - flat.mean(1, keepdims=True)) @ flat.T, atol=1e-9)
    some = np.array([7, 3, 4, 20])
    np.testing.assert_allclose(products_of(every.rows(some), every), flat[some] @ flat.T)
    starts = np.cumsum([0, *(len(part.worker) for part in parts[:-1])])
    np.testing.assert_allclose(products_with_sums(every, parts), np.add.reduceat(flat @ flat.T, starts, axis=1))
    np.testing.assert_allclose(every.norms, np.diag(flat @ flat.T))


def test_two_kinds_of_responses_have_no_inner_products(study):
    boxes, maps, images, _ = study
    one, other = (next(iter(responses_by_image(kind, images, size=SIZE).values())) for kind in (boxes, maps))
    with pytest.raises(TypeError, match="two kinds"):
        products_of(one, other)


@pytest.mark.parametrize(("change", "says"), [
    (lambda maps: maps.drop_vars("worker"), "no coordinate 'worker'"),
    (lambda maps: maps.drop_vars("image"), "no coordinate 'image'"),
    (lambda maps: maps.isel(y=slice(1, None)), "15 x 18 pixels; expected the grid's 16 x 18"),
    (lambda maps: maps.assign_coords(image=("response", ["s9/9"] * maps.sizes["response"])), "image 's9/9'"),
    (lambda maps: maps.rename(y="row"), "dims"),
])
def test_maps_that_are_not_labelled_as_responses_are_refused(study, change, says):
    _, maps, images, _ = study
    with pytest.raises(InputError, match=says):
        noise_ceiling(change(maps), images, size=SIZE)


# What a study's estimates say

@pytest.fixture(scope="module")
def analysed():
    """People's side of gaze with workers, and the same maps without a word of whose they are."""
    draw = np.random.default_rng(5)
    _, images, classifier = small_study(n_actors=3, n_images=2)
    rows = pd.DataFrame([(f"w{w}", image, *draw.uniform(8, 24, 2), draw.gamma(2, 100)) for image in images["image"]
                         for w in range(4) for _ in range(3)], columns=["worker", "image", "x", "y", "duration"])
    maps = fixation_maps(rows, images, size=SIZE, sigma=4)
    photographs = xr.DataArray(draw.integers(0, 256, (len(images), *SIZE, 3), np.uint8), coords=classifier.coords,
                               dims=("image", "y", "x", "channel")).assign_coords(split=("image", images["split"]))
    return {known: StudyData(
        photographs=photographs, images=images, responses=None, human=mean_of_responses(maps), human_heatmap=None,
        classifier_maps={"net/precomputed/given": classifier.to_dataset(name="saliency")},
        accuracies=pd.DataFrame(), response_maps=maps if known else None) for known in (True, False)}


QUICK = Statistics(n_permutations=99, n_resamples=100)


def rows_of(data):
    shares = [row for source in data.classifier_maps for row in share_rows(data, source, sigma=1.0, scores={})]
    return pd.DataFrame([*ceiling_rows(data, sigma=1.0)[0], *shares, *box_component_rows(data, Maps())])


def test_gaze_has_ceilings_and_components_like_boxes(analysed):
    rows = rows_of(analysed[True])
    assert set(rows["statistic"]) == {"noise_ceiling", "pooled_overlap", "share_of_ceiling", "variance_component"}
    known = rows[rows["statistic"].isin(["noise_ceiling", "pooled_overlap"])]
    assert known["value"].notna().all()


def test_maps_of_nobody_in_particular_have_rows_that_say_why_there_is_no_value(analysed):
    rows = rows_of(analysed[False])
    assert set(rows["statistic"]) == {"noise_ceiling", "share_of_ceiling", "variance_component"}
    assert set(rows["reason"]) == {NO_WORKERS}
    assert "value" not in rows or rows["value"].isna().all()


@pytest.mark.parametrize("sigma", [0.0, 1.4])
def test_products_sums_and_coverage_are_those_of_the_boxes_drawn(sigma):
    responses, images, _ = small_study(seed=0)
    found = _boxes_by_image(responses, images, size=SIZE, sigma=sigma)
    assert list(found) == images["image"].tolist()
    for image, boxes in found.items():
        own = responses[responses["image"] == image]
        drawn = np.stack([smooth(rasterise_boxes(own.iloc[[row]], images, size=SIZE)["coverage"].astype(float),
                                 sigma=sigma).to_numpy().ravel() for row in range(len(own))])
        np.testing.assert_allclose(boxes.products_with(boxes), drawn @ drawn.T, atol=1e-9)
        np.testing.assert_allclose(boxes.sums, drawn.sum(axis=1))
        centred = drawn - drawn.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(boxes.covariance, centred @ centred.T, atol=1e-9)
        workers = sorted(responses["worker"].unique())
        assert [workers[code] for code in boxes.worker] == own["worker"].tolist()
